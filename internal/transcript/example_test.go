package transcript_test

import (
	"fmt"

	"memoai.tech/memo/internal/transcript"
)

func ExampleParseClock() {
	at, err := transcript.ParseClock("1:02:03,5")
	fmt.Println(at, err)
	_, err = transcript.ParseClock("00:61:00")
	fmt.Println("line 3", err)
	// Output:
	// 3723.5 <nil>
	// line 3 has "00:61:00", but a time has at most 59 minutes and 59 seconds
}

func ExampleLanguage() {
	fmt.Printf("%q %q %q\n", transcript.Language("pt_BR"), transcript.Language("German"), transcript.Language("klingon"))
	// Output: "pt" "de" ""
}
