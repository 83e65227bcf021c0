package credential

import (
	"crypto/sha256"
	_ "embed" // for commonpassword.bin
	"sort"
	"strings"

	"memoai.tech/memo"
)

// commonHashes identifies 11,600 common passwords: it holds the first four bytes of
// the SHA-256 of each in lower case, in ascending order. Four bytes take less space than
// the password, and only one in 370,000 other passwords has the hash of a common one.
// "go test ./internal/credential -run TestCommonPasswords -update" writes the file.
//
//go:embed commonpassword.bin
var commonHashes string

// errCommon refuses a password that an attacker would try first.
var errCommon = memo.Invalid("password", "This password is too common. Choose another one.")

// CheckPassword returns an error if [memo.CheckPassword] does or if the password is
// a common one. It is called wherever a password is set, but not at sign-in, so that
// users who already have a common password can still sign in.
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

// commonHash returns the hash of a password as commonHashes holds it.
func commonHash(password string) (hash [4]byte) {
	sum := sha256.Sum256([]byte(strings.ToLower(password)))
	copy(hash[:], sum[:])
	return hash
}
