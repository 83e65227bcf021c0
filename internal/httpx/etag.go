package httpx

import "strings"

// GzipSuffix ends the text of the ETag of a compressed response, because a strong ETag names the bytes.
const GzipSuffix = "-gzip"

// MatchesETag reports whether one of the If-None-Match headers matches a strong etag, by the weak
// comparison of RFC 9110, section 13.1.2. Compressed and plain responses match each other: what they
// say is the same.
func MatchesETag(headers []string, etag string) bool {
	etag = withoutSuffix(etag)
	for _, h := range headers {
		for candidate := range strings.SplitSeq(h, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || withoutSuffix(strings.TrimPrefix(candidate, "W/")) == etag {
				return true
			}
		}
	}
	return false
}

func withoutSuffix(etag string) string {
	if text, ok := strings.CutSuffix(etag, GzipSuffix+`"`); ok {
		return text + `"`
	}
	return etag
}
