package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// tableLine is a printed line of the table.
type tableLine struct{ name, memo, baseline, ratio, span, aim, verdict string }

// resultTable collects the lines. It reports each one as progress, because the whole
// table takes minutes.
type resultTable struct{ lines []tableLine }

func (t *resultTable) add(l tableLine) {
	t.lines = append(t.lines, l)
	progress("  %s: %s vs. %s, %s %s", l.name, l.memo, l.baseline, l.ratio, l.verdict)
}

// print writes the table as Markdown with aligned columns.
func (t *resultTable) print(w io.Writer) {
	rows := [][]string{{"row", "memo", "baseline", "ratio", "from–to", "aim", ""}, nil}
	for _, l := range t.lines {
		rows = append(rows, []string{l.name, l.memo, l.baseline, l.ratio, l.span, l.aim, l.verdict})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, width := range widths {
			switch {
			case row == nil && i == 0:
				b.WriteString("|:" + strings.Repeat("-", width) + "-")
			case row == nil:
				b.WriteString("|-" + strings.Repeat("-", width) + ":")
			case i == 0:
				b.WriteString("| " + row[i] + strings.Repeat(" ", width-utf8.RuneCountInString(row[i])) + " ")
			default:
				b.WriteString("| " + strings.Repeat(" ", width-utf8.RuneCountInString(row[i])) + row[i] + " ")
			}
		}
		fmt.Fprintln(w, b.String()+"|")
	}
}

// verdictOf returns "ok" or "OVER", or "" if there is no aim.
func verdictOf(value, aim float64) string {
	switch {
	case aim == 0:
		return ""
	case value <= aim:
		return "ok"
	}
	return "OVER"
}

// printMachine prints how and on which machine the table was measured.
func printMachine(w io.Writer, o options) {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for l := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(l, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := "?"
	if avg, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(avg))[:3], " ")
	}
	fmt.Fprintf(w, "\nmemo and baseline: CPU time of the server per request, median of %d rounds; ratio: median of the "+
		"ratios per round.\n", o.rounds)
	fmt.Fprintf(w, "%s, %s/%s, %d cores (%s), %d connections, load %s, %s\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model, connections, load,
		time.Now().UTC().Format(time.DateOnly))
}

// median returns the median of the values.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// formatMicros formats a time in microseconds for the table.
func formatMicros(us float64) string {
	if us >= 10_000 {
		return fmt.Sprintf("%.1f ms", us/1000)
	}
	return fmt.Sprintf("%.0f µs", us)
}
