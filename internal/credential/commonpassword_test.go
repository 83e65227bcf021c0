package credential_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

var update = flag.Bool("update", false, "write commonpassword.bin")

// TestCommonPasswordsAreComplete: commonpassword.bin holds the hash of every password of the list that
// is long enough to be set, and nothing else.
func TestCommonPasswordsAreComplete(t *testing.T) {
	var hashes []string
	listed := 0
	for _, p := range frequency.FrequencyLists["passwords"] {
		if memo.CheckPassword(p) == nil {
			hash := credential.CommonHash(p)
			hashes = append(hashes, string(hash[:]))
			listed++
		}
	}
	slices.Sort(hashes)
	want := strings.Join(slices.Compact(hashes), "")
	if *update {
		if err := os.WriteFile("commonpassword.bin", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		*credential.CommonHashes = want
	}
	if *credential.CommonHashes != want {
		t.Errorf("commonpassword.bin does not match the list of %d passwords; run this test with -update", listed)
	}
	if listed < 10_000 {
		t.Errorf("the list has %d passwords that could be set, want at least 10,000", listed)
	}
	for _, p := range frequency.FrequencyLists["passwords"] {
		for _, variant := range []string{p, strings.ToUpper(p)} {
			if credential.CheckPassword(variant) == nil {
				t.Errorf("the common password %q is accepted", variant)
			}
		}
	}
}

func TestCommonOrShortPasswordIsRefused(t *testing.T) {
	for password, want := range map[string]string{
		"password":           "This password is too common. Choose another one.",
		"Password1":          "This password is too common. Choose another one.",
		"1234567890":         "This password is too common. Choose another one.",
		"short":              "must have 8 to 1000 characters",
		"correct horse":      "",
		"battery staple":     "",
		"пароль для встречи": "",
	} {
		t.Run(password, func(t *testing.T) {
			e, _ := credential.CheckPassword(password).(*memo.Error)
			switch {
			case want == "" && e != nil:
				t.Errorf("the password is refused: %v", e)
			case want != "" && (e == nil || e.Field != "password" || e.Message != want):
				t.Errorf("got %v, want %q", e, want)
			}
		})
	}
}
