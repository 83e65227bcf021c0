package main

import (
	"math"
	"runtime/debug"
	"testing"
)

// serve sets a memory limit, unless the operator has set GOMEMLIMIT.
func TestServeSetsMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for _, c := range []struct {
		env  string
		want int64
	}{{"", 1 << 30}, {"3GiB", math.MaxInt64}} {
		debug.SetMemoryLimit(math.MaxInt64)
		t.Setenv("GOMEMLIMIT", c.env)
		(&serveCmd{MaxMemory: 256}).limitMemory()
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("GOMEMLIMIT=%q: the memory limit is %d, want %d", c.env, got, c.want)
		}
	}
}

func TestServeRejectsInvalidWorkLimits(t *testing.T) {
	valid := serveCmd{
		LimitData: 1, LimitManagement: 1, DatabaseConns: 1, StatementTimeout: 1e9, MaxMemory: 32,
		MaxImports: 1,
	}
	if _, _, err := valid.check(); err != nil {
		t.Error(err)
	}
	for name, set := range map[string]func(*serveCmd){
		"queries": func(c *serveCmd) { c.MaxQueries = -1 },
		"memory":  func(c *serveCmd) { c.MaxMemory = 31 },
		"imports": func(c *serveCmd) { c.MaxImports = 0 },
		"quota":   func(c *serveCmd) { c.WorkspaceQuota = -1 },
	} {
		invalid := valid
		set(&invalid)
		if _, _, err := invalid.check(); err == nil {
			t.Errorf("check accepted an invalid value: %s", name)
		}
	}
}
