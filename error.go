package memo

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong in the terms of the domain. Each door maps a kind
// once to its own language (REST: contract section 1, the CLI: section 4).
type Kind uint8

// The kinds. Any error that is not an *Error is KindInternal.
const (
	KindInternal     Kind = iota
	KindInvalid           // a value that can never be accepted: 422
	KindUnauthorized      // no credential, or a dead one: 401
	KindForbidden         // known, but not allowed: 403
	KindNotFound          // not there, or in another workspace: 404
	KindConflict          // not possible in the present state: 409
	KindRateLimited       // over a limit: 429
	KindUnavailable       // try again later: 503
)

// Error is the one error type that crosses a room's wall.
type Error struct {
	Kind       Kind
	Code       string        // machine-readable, where the contract has one: "api_access_denied"
	Message    string        // one sentence for a person, which says what to do
	Field      string        // KindInvalid: the parameter or member that is wrong
	IDs        []string      // KindNotFound of many: the ones that are not there
	RetryAfter time.Duration // KindRateLimited and KindUnavailable
	Err        error         // the cause, for the log only
}

func (e *Error) Error() string {
	switch {
	case e.Field != "" && e.Message != "":
		return e.Field + ": " + e.Message
	case e.Message != "":
		return e.Message
	case e.Err != nil:
		return e.Err.Error()
	}
	return fmt.Sprintf("error of kind %d", e.Kind)
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err: that of the first *Error in its chain.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}

// Invalid is a bad value in field; message says what would be good.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound is for a thing that is not there or is in another workspace: the
// caller must not be able to tell which. what begins the sentence:
// "Transcription".
func NotFound(what string) *Error {
	return &Error{Kind: KindNotFound, Message: what + " not found"}
}

// Conflict is for a wish that the present state rules out.
func Conflict(code, format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Forbidden is for a caller who is known and may not.
func Forbidden(code, message string) *Error {
	return &Error{Kind: KindForbidden, Code: code, Message: message}
}
