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

// SmallDisk mounts a file system of 48 MiB for the test and returns where. It is
// in memory, or of the type that MEMO_TEST_DISK names, such as ext4, on a file.
// Where nothing can be mounted, the test is skipped.
func SmallDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("a small disk takes root on Linux to be mounted")
	}
	dir := t.TempDir()
	mount := "mount -t tmpfs -o size=48m tmpfs " + dir
	if kind := os.Getenv("MEMO_TEST_DISK"); kind != "" {
		image := filepath.Join(t.TempDir(), "image")
		mount = "truncate -s 48M " + image + " && mkfs." + kind + " -q " + image + " && mount -o loop " + image + " " + dir
	}
	if out, err := exec.Command("sh", "-c", mount).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// FillDisk leaves no byte free where dir is. The file that it returns holds them.
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
