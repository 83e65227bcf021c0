package httpx

import "strings"

// MatchesETag reports whether one of the If-None-Match headers matches a strong etag, by the weak
// comparison of RFC 9110, section 13.1.2.
func MatchesETag(headers []string, etag string) bool {
	for _, h := range headers {
		for candidate := range strings.SplitSeq(h, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
