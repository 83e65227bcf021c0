//go:build !unix

package store

import "os"

// diskRoom returns -1: the room is not known on this system.
func diskRoom(string) (free, all int64) { return -1, -1 }

const noFollow = 0

// giveToOwner does nothing on this system.
func giveToOwner(*os.File) {}

// lockFile always succeeds: this system has no such locks.
func lockFile(*os.File, bool) bool { return true }

func unlockFile(*os.File) {}
