// The tests are internal because the options of memo serve are the fields of a command.
package main

import (
	"math"
	"runtime/debug"
	"testing"

	"memoai.tech/memo/internal/ratelimit"
)

func TestEveryLimitClassHasALimit(t *testing.T) {
	limits := (&serveCmd{LimitData: 1, LimitManagement: 1}).limits()
	for _, class := range ratelimit.Classes {
		if limits[class] == 0 {
			t.Errorf("the class %q has no limit, so every call of it is refused: add it to serveCmd.limits", class)
		}
	}
}

// serve sets a memory limit, unless the operator has set GOMEMLIMIT.
func TestServeSetsMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for _, tt := range []struct {
		name, env string
		want      int64
	}{{"without GOMEMLIMIT", "", 1 << 30}, {"with GOMEMLIMIT", "3GiB", math.MaxInt64}} {
		t.Run(tt.name, func(t *testing.T) {
			debug.SetMemoryLimit(math.MaxInt64)
			t.Setenv("GOMEMLIMIT", tt.env)
			(&serveCmd{MaxMemory: 256}).limitMemory()
			if got := debug.SetMemoryLimit(-1); got != tt.want {
				t.Errorf("the memory limit is %d, want %d", got, tt.want)
			}
		})
	}
}

func TestServeRejectsInvalidWorkLimits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   func(*serveCmd)
		valid bool
	}{
		{"the smallest values", func(*serveCmd) {}, true},
		{"queries", func(c *serveCmd) { c.MaxQueries = -1 }, false},
		{"memory", func(c *serveCmd) { c.MaxMemory = 31 }, false},
		{"imports", func(c *serveCmd) { c.MaxImports = 0 }, false},
		{"quota", func(c *serveCmd) { c.WorkspaceQuota = -1 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serveCmd{
				LimitData: 1, LimitManagement: 1, DatabaseConns: 1, StatementTimeout: 1e9, MaxMemory: 32,
				MaxImports: 1,
			}
			tt.set(&c)
			if _, _, err := c.check(); (err == nil) != tt.valid {
				t.Errorf("check returned %v, valid is %v", err, tt.valid)
			}
		})
	}
}
