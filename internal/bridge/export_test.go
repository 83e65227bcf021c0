package bridge

import "time"

// What the tests compare with.
const (
	MaxMessage    = maxMessage
	MaxResponse   = maxResponse
	MaxConcurrent = maxConcurrent
	CodeServer    = codeServer

	ErrNoKey       = errNoKey
	ErrBadKey      = errBadKey
	ErrBadURL      = errBadURL
	ErrKeyInURL    = errKeyInURL
	ErrUserinfo    = errUserinfo
	ErrUnencrypted = errUnencrypted
)

// SetTimeouts changes the timeout of a response and of messages that run when stdin ends.
func (b *Bridge) SetTimeouts(response, drain time.Duration) { b.timeout, b.drainTime = response, drain }
