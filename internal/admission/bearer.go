package admission

import (
	"net/http"
	"strconv"
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/credential"
)

// parseBearer returns the key or token of the header "Authorization: Bearer KEY". It fails if the header
// is missing, repeated or malformed.
func parseBearer(h http.Header) (credential.Key, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return credential.Key{}, refuseNoCredentials(h)
	}
	const scheme = "bearer "
	v := values[0]
	if len(values) > 1 {
		return credential.Key{}, malformed("There must be one Authorization header, and this request has several")
	}
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return credential.Key{}, malformed(schemeFault(v))
	}
	text := strings.TrimLeft(v[len(scheme):], " ")
	key, ok := credential.ParseKeyOrToken(text)
	if !ok {
		return credential.Key{}, malformed(keyFault(text))
	}
	return key, nil
}

// maxExposed is how many keys of one URL are marked as exposed.
const maxExposed = 10

// keysInQuery finds API keys in the decoded names and values of a query. found is true even for
// the prefix alone, because a client that sends a placeholder there would send a real key next.
// keys has at most maxExposed well-formed keys.
func keysInQuery(raw string) (found bool, keys []credential.Key) {
	if !strings.Contains(raw, "%") && !memo.HasKeyPrefix(raw) {
		return false, nil
	}
	for _, part := range strings.FieldsFunc(raw, func(r rune) bool { return r == '&' || r == ';' || r == '=' }) {
		decoded := unescapeLenient(part)
		if memo.HasKeyPrefix(decoded) {
			found = true
			keys = append(keys, credential.FindKeys(decoded)...)
		}
	}
	return found, keys[:min(len(keys), maxExposed)]
}

// unescapeLenient decodes every valid percent escape and copies everything else, so that an
// invalid escape next to a key does not hide the key.
func unescapeLenient(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
