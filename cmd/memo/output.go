package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"memoai.tech/memo/internal/jsonform"
)

// printResult prints v as JSON if --json is set, and otherwise calls printText.
func (e *environment) printResult(v any, printText func()) error {
	if !e.cli.JSON {
		printText()
		return nil
	}
	if err := json.MarshalWrite(e.stdout, v, jsontext.WithIndent("  "), jsonform.Instants); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout)
	return err
}

// print prints v as JSON if --json is set, and otherwise one line of text.
func (e *environment) print(v any, format string, args ...any) error {
	return e.printResult(v, func() { e.printf(format, args...) })
}

// itemList is a list in the format of the REST API.
type itemList[T any] struct {
	Items []T `json:"items"`
}

// printList prints a list as JSON, or as a table with the given column titles, which
// are separated by spaces.
func printList[T any](s *session, list []T, head string, row func(T) []string) error {
	return s.printResult(itemList[T]{list}, func() {
		lines := [][]string{strings.Fields(head)}
		for _, v := range list {
			lines = append(lines, row(v))
		}
		s.printTable(lines)
	})
}

// printTable prints lines of cells in columns.
func (e *environment) printTable(lines [][]string) {
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	for _, cells := range lines {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
}

func (e *environment) printf(format string, args ...any) { fmt.Fprintf(e.stdout, format+"\n", args...) }

// formatTime formats a time for a table; nil is "-".
func formatTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04")
}

// progress returns a callback that shows a progress bar on stderr, if that is a terminal and
// --json is not set.
func (e *environment) progress(what string) func(done, total int64) {
	visible := !e.cli.JSON && term.IsTerminal(int(os.Stderr.Fd()))
	var bar *progressbar.ProgressBar
	return func(done, total int64) {
		if bar == nil {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetDescription(what),
				progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetVisibility(visible),
				progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		}
		if bar.GetMax64() != total {
			bar.ChangeMax64(total)
		}
		_ = bar.Set64(done) // not worth failing for
	}
}
