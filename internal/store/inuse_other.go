//go:build !unix

package store

// MarkInUse does nothing on this system: it cannot detect another server on the directory.
func MarkInUse(string) (others bool, release func(), err error) {
	return false, func() {}, nil
}
