package main

import (
	"math"
	"runtime/debug"
	"testing"
)

// TestTheHeapIsBound where the operator has not set a bound.
func TestTheHeapIsBound(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for _, c := range []struct {
		env  string
		want int64
	}{{"", 1 << 30}, {"3GiB", math.MaxInt64}} {
		debug.SetMemoryLimit(math.MaxInt64)
		t.Setenv("GOMEMLIMIT", c.env)
		(&serveCmd{MaxMemory: 256}).boundHeap()
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("GOMEMLIMIT=%s: the limit is %d, want %d", c.env, got, c.want)
		}
	}
}

func TestLimitsOfWorkAreChecked(t *testing.T) {
	good := serveCmd{
		LimitData: 1, LimitManagement: 1, DatabaseConns: 1, StatementTimeout: 1e9, MaxMemory: 32,
		MaxImports: 1,
	}
	if _, _, err := good.check(); err != nil {
		t.Error(err)
	}
	for name, set := range map[string]func(*serveCmd){
		"queries": func(c *serveCmd) { c.MaxQueries = -1 },
		"memory":  func(c *serveCmd) { c.MaxMemory = 31 },
		"imports": func(c *serveCmd) { c.MaxImports = 0 },
		"quota":   func(c *serveCmd) { c.WorkspaceQuota = -1 },
	} {
		bad := good
		set(&bad)
		if _, _, err := bad.check(); err == nil {
			t.Errorf("bad %s pass", name)
		}
	}
}
