package plaintext_test

import (
	"fmt"

	"memoai.tech/memo/internal/plaintext"
)

func ExampleOneLine() {
	fmt.Printf("%q\n", plaintext.OneLine(" \x1b[31mred\x1b[0m\r\n\tand\u2028blue\x00  \ufeff"))
	// Output: "red and blue"
}

func ExampleMultiline() {
	fmt.Printf("%q\n", plaintext.Multiline("one\r\n\ttwo\x1b[0m\x07\u0085three"))
	// Output: "one\n\ttwo\nthree"
}

func ExampleTruncate() {
	fmt.Println(plaintext.Truncate("🇩🇪🇫🇷", 12), plaintext.Truncate("ae\u0301", 2))
	// Output: 🇩🇪 a
}

func ExampleQuote() {
	fmt.Println(plaintext.Quote("00:00:xx\t"), plaintext.Quote("a text that is too long to be repeated in a message"))
	// Output: "00:00:xx\t" "a text that is too long to be repeated i…"
}
