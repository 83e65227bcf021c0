package testenv

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// SmallDisk mounts a file system of 48 MiB for the test and returns its directory.
// It is in memory, or in a file if MEMO_TEST_DISK names a type such as ext4. If
// mounting is not possible, SmallDisk skips the test.
func SmallDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("mounting a small disk needs root on Linux")
	}
	dir := t.TempDir()
	mount := "mount -t tmpfs -o size=48m tmpfs " + dir
	if kind := os.Getenv("MEMO_TEST_DISK"); kind != "" {
		image := filepath.Join(t.TempDir(), "image")
		mount = "truncate -s 48M " + image + " && mkfs." + kind + " -q " + image + " && mount -o loop " + image + " " + dir
	}
	if out, err := exec.Command("sh", "-c", mount).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small disk: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// FillDisk fills the file system of dir completely. It returns the file that takes
// the space.
func FillDisk(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := 1 << 20; n > 0; n /= 2 {
		for err = nil; err == nil; _, err = f.Write(make([]byte, n)) {
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return ballast
}
