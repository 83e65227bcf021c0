package memo_test

import (
	"fmt"
	"time"

	"memoai.tech/memo"
)

func ExamplePrintable() {
	fmt.Println(memo.Printable("one\x1b\n two \u202ethree mk_live_0123456789abcdef and so on", 40))
	// Output: one two three mk_live_[redacted] and so…
}

func ExampleRedactKeys() {
	fmt.Println(memo.RedactKeys("Authorization: Bearer mk_live_0123456789abcdef"))
	// Output: Authorization: Bearer mk_live_[redacted]
}

func ExampleLines() {
	fmt.Println(memo.Lines([]memo.Segment{
		{Start: 42, End: 45.2, Speaker: "Jordan", Text: "Of course…"}, {Start: 3723, End: 3724, Text: "(laughs)"},
	}))
	// Output:
	// [00:42] Jordan: Of course…
	// [1:02:03] (laughs)
}

func ExampleParseExpiry() {
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	fmt.Println(memo.ParseExpiry("expires_at", "2026-05-20", now)) // the end of that day
	fmt.Println(memo.ParseExpiry("expires_at", "2026-05-19", now))
	// Output:
	// 2026-05-21 00:00:00 +0000 UTC <nil>
	// 0001-01-01 00:00:00 +0000 UTC expires_at: must be in the future
}

func ExampleCleanName() {
	fmt.Println(memo.CleanName("name", "  so\u00adft "))
	fmt.Println(memo.CleanName("name", "two\nlines"))
	// Output:
	// soft <nil>
	//  name: must not contain control characters or line breaks
}
