package store

import (
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged returns a Control function for [net.Dialer]. It makes a TCP connection fail when the
// other host has acknowledged nothing for timeout, although something was sent. By default Linux
// takes about 15 minutes to notice that.
func limitUnacknowledged(timeout time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		return c.Control(func(fd uintptr) {
			// If the kernel cannot do it, the connection works nevertheless.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout.Milliseconds()))
		})
	}
}
