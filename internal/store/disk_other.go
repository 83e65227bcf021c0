//go:build !unix

package store

import "os"

// diskSpace returns -1, because the space is not known on this system.
func diskSpace(string) (free, total int64) { return -1, -1 }

const noFollow = 0

// giveToOwner does nothing on this system.
func giveToOwner(*os.File) {}

// lockFile always succeeds, because this system has no such locks.
func lockFile(*os.File, bool) bool { return true }

func unlockFile(*os.File) {}
