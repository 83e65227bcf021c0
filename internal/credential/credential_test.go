package credential_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

func TestNewKeyHasTheDocumentedForm(t *testing.T) {
	form := regexp.MustCompile(`^mk_live_[0-9A-Za-z]{38}$`)
	seen := map[string]bool{}
	var counts [128]int
	for range 20_000 {
		k := credential.NewKey()
		s := k.Secret()
		if !form.MatchString(s) || seen[s] {
			t.Fatalf("a key of %d bytes has the wrong form or was generated before", len(s))
		}
		seen[s] = true
		if got, ok := credential.ParseKey(s); !ok || got != k {
			t.Fatal("a new key does not parse")
		}
		if k.Suffix() != s[36:40] {
			t.Fatalf("suffix %q is not the last 4 of the 32 random characters", k.Suffix())
		}
		for _, c := range s[8:40] {
			counts[c]++
		}
	}
	// 640,000 characters, 62 different ones: each occurs about 10,322 times, with a
	// standard deviation of 101.
	for _, c := range credential.Base62 {
		if n := counts[c]; n < 9_600 || n > 11_050 {
			t.Errorf("character %q occurs %d times, want about 10,322", c, n)
		}
	}
}

// TestChecksumIsCRC32InBase62 computes the checksum in a different way from the code.
func TestChecksumIsCRC32InBase62(t *testing.T) {
	body := credential.KeyPrefix + strings.Repeat("0", 32)
	n := uint64(crc32.Checksum([]byte(body), crc32.MakeTable(crc32.IEEE)))
	want := ""
	for _, p := range []uint64{916132832, 14776336, 238328, 3844, 62, 1} {
		want += string(credential.Base62[n/p%62])
	}
	if _, ok := credential.ParseKey(body + want); !ok {
		t.Fatalf("%s%s does not parse", body, want)
	}
}

func TestParseKeyRefusesEveryOneCharacterChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(credential.NewKey().Secret())
		i := rapid.IntRange(0, len(s)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "to")
		if s[i] == c {
			return
		}
		s[i] = c
		if _, ok := credential.ParseKey(string(s)); ok {
			t.Fatalf("a key with a changed byte %d is accepted", i)
		}
	})
}

func TestParseKeyRefusesMalformedKeys(t *testing.T) {
	secret := credential.NewKey().Secret()
	for name, s := range map[string]string{
		"empty":                   "",
		"prefix only":             credential.KeyPrefix,
		"too short":               secret[:45],
		"too long":                secret + "0",
		"space before":            " " + secret,
		"newline after":           secret + "\n",
		"upper case":              strings.ToUpper(secret),
		"Cyrillic first letter":   "м" + secret[1:],
		"full-width first letter": "ｍ" + secret[1:],
		"NUL":                     secret[:20] + "\x00" + secret[21:],
		"quoted":                  `"` + secret + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := credential.ParseKey(s); ok {
				t.Error("the key is accepted")
			}
		})
	}
}

func TestFindKeysSkipsMalformedKeys(t *testing.T) {
	a, b := credential.NewKey(), credential.NewKey()
	got := credential.FindKeys("x=" + a.Secret() + "&y" + b.Secret() + "z&bad=" +
		credential.KeyPrefix + strings.Repeat("a", 38))
	if len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("found %d keys, want the two well-formed ones", len(got))
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	k := credential.NewKey()
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %q", k, k, k, k, k)} {
		if strings.Contains(s, k.Secret()) {
			t.Errorf("formatting a key prints its secret, in %d bytes", len(s))
		}
	}
}

func TestPasswordMatchesOnlyItsHash(t *testing.T) {
	ctx := context.Background()
	p := credential.NewPasswordHasher(2)
	hash, err := p.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		password, hash string
		want           bool
	}{
		"the password":                    {"correct horse", hash, true},
		"another password":                {"correct horsf", hash, false},
		"no password":                     {"", hash, false},
		"an unknown user":                 {"correct horse", "", false},
		"an unknown user and no password": {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := p.Matches(ctx, c.password, c.hash); err != nil || got != c.want {
				t.Errorf("Matches(%q, %.12q) = %v, %v; want %v", c.password, c.hash, got, err, c.want)
			}
		})
	}
	if _, err := p.Matches(ctx, "x", "$2b$10$bcrypt"); err == nil {
		t.Error("a bcrypt hash is accepted")
	}
}

func TestHashingWaitIsBounded(t *testing.T) {
	if _, err := credential.NewBusyHasher().Hash(context.Background(), "x"); memo.KindOf(err) != memo.KindUnavailable {
		t.Errorf("got %v, want KindUnavailable", err)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(credential.NewKey().Secret())
	f.Add(credential.KeyPrefix)
	f.Fuzz(func(t *testing.T, s string) {
		if k, ok := credential.ParseKey(s); ok && k.Secret() != s {
			t.Fatal("the secret of a parsed key differs from the parsed text")
		}
	})
}

func BenchmarkParseKey(b *testing.B) {
	s := credential.NewKey().Secret()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := credential.ParseKey(s); !ok {
			b.Fatal()
		}
	}
}
