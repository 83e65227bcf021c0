package bridge

import (
	"time"

	"memoai.tech/memo/internal/remote"
)

// What the tests compare with.
const (
	MaxMessage    = maxMessage
	MaxResponse   = maxResponse
	MaxConcurrent = maxConcurrent
	CodeServer    = codeServer

	ErrNoKey       = remote.ErrNoKey
	ErrBadKey      = remote.ErrBadKey
	ErrBadURL      = remote.ErrBadURL
	ErrKeyInURL    = remote.ErrKeyInURL
	ErrUserinfo    = remote.ErrUserinfo
	ErrUnencrypted = remote.ErrUnencrypted
)

// SetTimeouts changes the timeout of a response and of messages that run when stdin ends.
func (b *Bridge) SetTimeouts(response, drain time.Duration) { b.timeout, b.drainTime = response, drain }
