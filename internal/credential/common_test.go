package credential

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"

	"memoai.tech/memo"
)

var update = flag.Bool("update", false, "write common.bin")

// TestCommonPasswords: the filter holds every password of the list that is long
// enough to be set at all, and nothing else.
func TestCommonPasswords(t *testing.T) {
	var marks []string
	listed := 0
	for _, p := range frequency.FrequencyLists["passwords"] {
		if memo.CheckPassword(p) == nil {
			mark := commonHash(p)
			marks = append(marks, string(mark[:]))
			listed++
		}
	}
	slices.Sort(marks)
	want := strings.Join(slices.Compact(marks), "")
	if *update {
		if err := os.WriteFile("common.bin", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		commonHashes = want
	}
	if commonHashes != want {
		t.Errorf("common.bin is not what the list of %d passwords makes; run this test with -update", listed)
	}
	if listed < 10_000 {
		t.Errorf("the list has %d passwords that could be set; 10,000 are wanted", listed)
	}
	for _, p := range frequency.FrequencyLists["passwords"] {
		for _, spelt := range []string{p, strings.ToUpper(p)} {
			if CheckPassword(spelt) == nil {
				t.Errorf("%q may be set", spelt)
			}
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]string{
		"password":           "This password is on lists of common passwords. Choose another one.",
		"Password1":          "This password is on lists of common passwords. Choose another one.",
		"1234567890":         "This password is on lists of common passwords. Choose another one.",
		"short":              "must have 8 to 1000 characters",
		"correct horse":      "",
		"battery staple":     "",
		"пароль для встречи": "",
	} {
		e, _ := CheckPassword(password).(*memo.Error)
		switch {
		case want == "" && e != nil:
			t.Errorf("%q: %v", password, e)
		case want != "" && (e == nil || e.Field != "password" || e.Message != want):
			t.Errorf("%q: got %v, want %q", password, e, want)
		}
	}
}
