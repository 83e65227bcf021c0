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

func ExampleUnique() {
	fmt.Printf("%q\n", filename.Unique([]string{"a.md", "A.md", "b.md", "a.md"}))
	// Output: ["a.md" "A (2).md" "b.md" "a (3).md"]
}

func ExampleContentDisposition() {
	fmt.Println(filename.ContentDisposition("2026-05-20 Café.md"))
	// Output: attachment; filename="2026-05-20 Cafe.md"; filename*=UTF-8''2026-05-20%20Caf%C3%A9.md
}
