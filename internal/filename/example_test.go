package filename_test

import (
	"fmt"
	"time"

	"memoai.tech/memo/internal/filename"
)

func ExampleOf() {
	fmt.Println(filename.Of("Acme: discovery/call", time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC), "md"))
	// Output: 2026-05-20 Acme- discovery-call.md
}

func ExampleParse() {
	n := filename.Parse(`C:\GMT20260520-091400_Sales-Call_1920x1080.transcript.vtt`)
	fmt.Println(n.Title, n.Created, n.Extension, n.Zoom)
	// Output: Sales Call 2026-05-20 09:14:00 +0000 UTC vtt true
}
