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
)

// printResult prints v as JSON if --json is set, and otherwise calls printText.
func (e *environment) printResult(v any, printText func()) error {
	if !e.cli.JSON {
		printText()
		return nil
	}
	if err := json.MarshalWrite(e.stdout, v, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := fmt.Fprintln(e.stdout)
	return err
}

// itemList is a list in the format of the REST API.
type itemList[T any] struct {
	Items []T `json:"items"`
}

// showList prints a list as JSON or as a table with the given column titles, which
// are separated by spaces.
func showList[T any](e *environment, list []T, head string, row func(T) []string) error {
	return e.printResult(itemList[T]{list}, func() {
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, strings.ReplaceAll(head, " ", "\t"))
		for _, v := range list {
			fmt.Fprintln(w, strings.Join(row(v), "\t"))
		}
		w.Flush()
	})
}

func (e *environment) printf(format string, args ...any) { fmt.Fprintf(e.stdout, format+"\n", args...) }

// formatTime formats a time for a table; nil is "-".
func formatTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04")
}

// progressBar returns a progress bar on stderr. It is hidden with --json or if stderr is
// not a terminal.
func (e *environment) progressBar(total int64, what string) *progressbar.ProgressBar {
	f, ok := e.stderr.(*os.File)
	if !ok {
		f = os.Stderr
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(f),
		progressbar.OptionSetVisibility(!e.cli.JSON && term.IsTerminal(int(f.Fd()))),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
}

// progress returns a callback that shows a progress bar.
func (e *environment) progress(what string) func(done, total int64) {
	var b *progressbar.ProgressBar
	return func(done, total int64) {
		if b == nil {
			b = e.progressBar(total, what)
		}
		_ = b.Set64(done) // not worth failing for
	}
}
