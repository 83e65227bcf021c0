package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildMemo builds the program without the race detector, next to the test binary, in the directory
// that go test removes at the end. It returns the path of the program. It is
// compiled with the default flags, so that it shares packages with go vet: to compile those of a
// release takes two minutes of CPU.
func BuildMemo() (string, error) { return build("memo", []string{"GOFLAGS="}, "-ldflags", "-s -w") }

// BuildMemoForProfile builds the program as a release, but so that it can write a CPU profile.
func BuildMemoForProfile() (string, error) {
	return build("memo-profile", []string{"CGO_ENABLED=0", "GOFLAGS="}, "-trimpath", "-pgo=off", "-tags", "profile")
}

// BuildMemoWithRace builds the program with the race detector.
func BuildMemoWithRace() (string, error) { return build("memo-race", nil, "-race") }

func build(name string, environ []string, flags ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(self), "program-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "memoai.tech/memo/cmd/memo")...)
	cmd.Env = append(os.Environ(), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}
