package admission

import (
	"cmp"
	"net/http"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// The sentences of this file say what is wrong with the form of a credential. They are constants, so
// that no part of a key or password can get into a response.

// malformed returns the refusal of a credential whose form is wrong, without a database read.
func malformed(why string) error {
	return memo.Unauthorized("malformed", cmp.Or(why, "The API key is not valid"))
}

// otherHeaders are the headers of other APIs in which clients send keys.
var otherHeaders = []string{"X-Api-Key", "Api-Key", "Apikey", "X-Auth-Token", "Proxy-Authorization"}

// refuseNoCredentials returns the refusal of a request without an Authorization header.
func refuseNoCredentials(h http.Header) error {
	for _, name := range otherHeaders {
		if len(h[name]) > 0 {
			return errOtherHeader
		}
	}
	return errNoCredentials
}

// schemeFault says why a header is not "Bearer KEY", before what follows "Bearer " is read.
func schemeFault(v string) string {
	const bearer = "bearer"
	switch lower := strings.ToLower(strings.TrimSpace(v)); {
	case lower == "":
		return "The Authorization header is empty"
	case lower == bearer:
		return "The key after Bearer is missing"
	case strings.HasPrefix(lower, bearer):
		return "Bearer must be followed by one space and the key"
	case strings.HasPrefix(lower, "basic "):
		return "The key must be sent as Bearer, not as a user name or password"
	case memo.HasKeyPrefix(v) && !strings.Contains(v, " "):
		return "Bearer and a space must come before the key"
	}
	return "The Authorization header must be Bearer, a space and the key"
}

// keyFault says why what follows "Bearer " does not have the form of a key. It returns "" for the form of a
// key with a wrong checksum, which is refused like an unknown key.
func keyFault(s string) string {
	lower := strings.ToLower(s)
	switch {
	case s == "":
		return "The key after Bearer is missing"
	case strings.HasPrefix(lower, "bearer"):
		return "Bearer must be there once"
	case strings.ContainsAny(s, "${}%"):
		return "This is the name of a variable and not its value, the key"
	case strings.ContainsAny(s, "\"'`<>[]()"):
		return "There must be no quotes or brackets around the key"
	case strings.ContainsAny(s, "…•*") || strings.Contains(s, ".."):
		return "This is a shortened form of the key: send the whole key, which is shown once, when it is created"
	case strings.ContainsFunc(s, func(r rune) bool { return r > '~' }):
		return "The key contains an invisible character or a letter outside a-z, A-Z and 0-9"
	case strings.ContainsAny(s, " \t,"):
		return "There must be nothing after the key"
	case !memo.HasKeyPrefix(lower):
		return "A key starts with " + memo.KeyPrefix
	case !memo.HasKeyPrefix(s):
		return "Upper and lower case of the key must not change"
	case len(s) < credential.KeyLen:
		return "The key is cut short: it has 46 characters"
	case len(s) > credential.KeyLen:
		return "The key is too long: it has 46 characters"
	}
	return ""
}
