package web

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// compress sends the response of a handler compressed if the browser accepts that. It is used only
// around the writing of content that is in memory as a whole, so downloads stay streams, and their
// Content-Length stays right.
var compress = newCompression(gzip.DefaultCompression)

// compressAsset is for files that browsers request once: smaller, but slower.
var compressAsset = newCompression(gzip.BestCompression)

func newCompression(level int) func(http.Handler) http.HandlerFunc {
	wrapper, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.CompressionLevel(level),
		gzhttp.ContentTypes([]string{"text/html", "text/css", "text/javascript", "image/svg+xml"}))
	if err != nil {
		panic(err) // only a bad option is an error
	}
	return wrapper
}

// mayCompress reports whether the length of the response may depend on what its text repeats. An
// attacker on the network who can make the browser request pages with chosen words, such as a
// search, could otherwise guess the other words of the page from its compressed length (BREACH).
// So only pages that the user opens from this site or by hand are compressed, and no response to
// a form: those show new keys and invitations.
func (v *pageRequest) mayCompress() bool {
	// A page that another site opened can fetch itself again, so only navigations count.
	site, mode := v.r.Header.Get("Sec-Fetch-Site"), v.r.Header.Get("Sec-Fetch-Mode")
	return v.r.Method == http.MethodGet && mode == "navigate" && (site == "same-origin" || site == "none")
}
