package memo

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies an error. Each surface maps it to a status: REST and MCP to HTTP, see
// docs/contract.md#order-of-refusals, the command line to an exit status.
type Kind uint8

// The kinds. Any error that is not an *Error is KindInternal.
const (
	KindInternal     Kind = iota
	KindInvalid           // a value that can never be accepted: 422
	KindUnauthorized      // no credential, or an inactive one: 401
	KindForbidden         // authenticated, but not allowed: 403
	KindNotFound          // does not exist, or in another workspace: 404
	KindConflict          // not possible in the current state: 409
	KindGone              // existed, and never will again: 410
	KindRateLimited       // over a limit: 429
	KindUnavailable       // try again later: 503
)

// Error is an error whose message may be shown to the caller.
type Error struct {
	Kind       Kind
	Code       string        // for programs, such as "api_access_denied"; may be empty
	Message    string        // for people; KindInvalid: what the field must be, without its name
	Hint       string        // KindUnauthorized: what is wrong with the form of the request, for the challenge
	Field      string        // KindInvalid: the parameter or JSON member
	IDs        []string      // KindNotFound: the missing ids, if several were requested
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

// KindOf returns the kind of the first *Error in the chain of err.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}

// Invalid returns an error for an invalid value; message says what is valid.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound returns an error for something that does not exist or is in another workspace. The
// caller must not be able to tell which. The message starts with what, such as
// "Transcription".
func NotFound(what string) *Error {
	return &Error{Kind: KindNotFound, Message: what + " not found"}
}

// Unauthorized returns the refusal of a key, a session or a sign-in.
func Unauthorized(code, message string) *Error {
	return &Error{Kind: KindUnauthorized, Code: code, Message: message}
}

// Conflict returns an error for an action that the current state does not allow.
func Conflict(code, format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Forbidden returns an error for an authenticated caller without permission.
func Forbidden(code, message string) *Error {
	return &Error{Kind: KindForbidden, Code: code, Message: message}
}
