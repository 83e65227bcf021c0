package rest

import (
	"net/http"
	"slices"

	"memoai.tech/memo/internal/telemetry"
)

const (
	corsRequestHeaders = "Authorization, Content-Type, If-None-Match"
	corsExposed        = "ETag, Link, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, " +
		"X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
	corsMaxAge = "600" // seconds
)

// withCORS returns a handler that lets pages of Config.CORSOrigins call a path with a key. It never allows
// cookies, so such a page can do nothing as the person who opened it.
func (a *API) withCORS(methods string, next http.Handler) http.Handler {
	if len(a.corsOrigins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		h["Vary"] = varyOrigin
		if !slices.Contains(a.corsOrigins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			telemetry.RequestOf(r.Context()).Route = r.Pattern
			h.Set("Access-Control-Allow-Methods", methods)
			h.Set("Access-Control-Allow-Headers", corsRequestHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
		next.ServeHTTP(w, r)
	})
}

var (
	varyOrigin   = []string{"Origin"}
	varyEncoding = []string{"Accept-Encoding"}
	varyBoth     = []string{"Origin, Accept-Encoding"}
)
