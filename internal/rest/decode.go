package rest

import (
	"cmp"
	"errors"
	"mime"
	"net/http"
	"slices"
	"time"

	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/params"
)

// maxBody is the maximum size of a JSON body. A hundred ids take 4 kB.
const maxBody = 64 << 10

// validator is an input with rules about several of its fields.
type validator interface{ validate() params.Faults }

// existenceChecker is an input that names a resource. If the input is invalid, checkExists is
// called first, because 404 comes before 422; see docs/contract.md#order-of-refusals.
type existenceChecker interface{ checkExists(*request) error }

// decodeInput decodes a request strictly and returns every fault at once, or the 408, 413 or 415 of a
// body that was not decoded.
func decodeInput[In any](c *request) (in In, err error) {
	query, faults := params.ParseQuery(c.r.URL.RawQuery)
	faults = append(faults, params.Decode(&in, query, c.r.PathValue)...)
	faults = append(faults, params.Unknown(&in, query)...)
	if body, required := params.Body(&in); body != nil {
		start := time.Now()
		inBody, err := decodeBody(c.w, c.r, body, required)
		if err = cmp.Or(err, c.RecheckAfterBody(c.ctx, start)); err != nil {
			return in, err
		}
		faults = append(faults, inBody...)
	}
	// A parameter that could not be parsed has its zero value here, so it is not reported twice.
	if v, ok := any(&in).(validator); ok {
		faults = append(faults, v.validate()...)
	}
	if len(faults) == 0 {
		return in, nil
	}
	inPath := slices.ContainsFunc(faults, func(f params.Fault) bool { return f.Loc[0] == "path" })
	if e, ok := any(in).(existenceChecker); ok && !inPath {
		if err := e.checkExists(c); err != nil {
			return in, err
		}
	}
	return in, faults
}

func decodeBody(w http.ResponseWriter, r *http.Request, into any, required bool) (params.Faults, error) {
	body, err := httpx.ReadBody(w, r, maxBody)
	if status, ok := errors.AsType[*httpx.StatusError](err); ok {
		return nil, status
	}
	if err != nil {
		return params.Faults{{Loc: []any{"body"}, Msg: "could not be read to its end", Type: "incomplete"}}, nil
	}
	if len(body) == 0 && !required {
		return nil, nil
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return nil, &httpx.StatusError{
			Status: http.StatusUnsupportedMediaType,
			Detail: "The body must be JSON: send Content-Type: application/json.",
		}
	}
	return params.DecodeBody(body, into), nil
}
