package httpx

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// MinCompressed is the size in bytes from which a response is compressed.
const MinCompressed = gzhttp.DefaultMinSize

// Compress returns a handler that sends JSON and text of at least [MinCompressed] bytes compressed if the
// client accepts gzip. Use it only for responses without a secret, whose length says nothing about one.
func Compress(h http.Handler) http.Handler { return compressText(h) }

var compressText = newCompression()

func newCompression() func(http.Handler) http.HandlerFunc {
	wrapper, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.ContentTypes([]string{
			"application/json", "application/x-subrip", "text/plain", "text/markdown", "text/vtt", "text/csv",
		}))
	if err != nil {
		panic(err) // only a bad option is an error
	}
	return wrapper
}

// AcceptsGzip reports whether a client accepts gzip.
func AcceptsGzip(h http.Header) bool {
	for _, accepted := range h["Accept-Encoding"] {
		for coding := range strings.SplitSeq(accepted, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return !strings.Contains(weight, "=0") || strings.ContainsAny(weight, "123456789")
			}
		}
	}
	return false
}

var gzipWriters = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // only a bad level is an error
	}
	return w
}}

// AppendGzip appends body to b, compressed.
func AppendGzip(b, body []byte) []byte {
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	out := bytes.NewBuffer(b)
	w.Reset(out)
	_, _ = w.Write(body) // a buffer never fails
	_ = w.Close()
	return out.Bytes()
}
