package bulkhead_test

import (
	"context"
	"fmt"
	"time"

	"memoai.tech/memo/internal/bulkhead"
)

// One workspace gets at most its share, and others get what is left.
func ExampleLimiter_Acquire() {
	l := bulkhead.New(bulkhead.Config{Work: "searches", Total: 4, PerWorkspace: 2, Wait: time.Millisecond})
	ctx := context.Background()
	for _, workspace := range []string{"Acme", "Acme", "Acme", "Initech"} {
		_, err := l.Acquire(ctx, workspace, 1)
		fmt.Println(workspace, err)
	}
	// Output:
	// Acme <nil>
	// Acme <nil>
	// Acme Too many searches of this workspace are running. Try again in a moment.
	// Initech <nil>
}

// A request that needs more later waits only for the difference.
func ExampleLimiter_Hold() {
	l := bulkhead.New(bulkhead.Config{Work: "exports", Total: 100, PerWorkspace: 50})
	ctx, done := bulkhead.WithRequest(context.Background())
	for _, weight := range []int64{10, 30, 20} {
		err := l.Hold(ctx, "Acme", weight)
		fmt.Println(l.Stats().Used, err)
	}
	done()
	fmt.Println(l.Stats().Used)
	// Output:
	// 10 <nil>
	// 30 <nil>
	// 30 <nil>
	// 0
}
