package credential

import (
	"crypto/sha256"
	_ "embed" // the filter
	"sort"
	"strings"

	"memoai.tech/memo"
)

// commonHashes holds the first four bytes of the SHA-256 of each common password in
// lower case, in ascending order. Hashes take less room than the 11,600 passwords,
// and one in 370,000 other passwords is refused along with them.
// "go test ./internal/credential -run TestCommonPasswords -update" writes it.
//
//go:embed common.bin
var commonHashes string

// errCommon refuses a password that an attacker tries first.
var errCommon = memo.Invalid("password", "This password is on lists of common passwords. Choose another one.")

// CheckPassword says whether a password may be set: it has the length that
// [memo.CheckPassword] asks for, and it is not a common one. Every place that sets
// a password calls it. No sign-in does, so a common password that was set before
// still opens its account.
func CheckPassword(password string) error {
	if err := memo.CheckPassword(password); err != nil {
		return err
	}
	if isCommon(password) {
		return errCommon
	}
	return nil
}

func isCommon(password string) bool {
	want := commonHash(password)
	n := len(commonHashes) / len(want)
	at := func(i int) string { return commonHashes[i*len(want) : (i+1)*len(want)] }
	i := sort.Search(n, func(i int) bool { return at(i) >= string(want[:]) })
	return i < n && at(i) == string(want[:])
}

// commonHash is what the filter holds of a password.
func commonHash(password string) (mark [4]byte) {
	sum := sha256.Sum256([]byte(strings.ToLower(password)))
	copy(mark[:], sum[:])
	return mark
}
