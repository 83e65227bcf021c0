package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// line is a line of the table that is printed at the end.
type line struct {
	work   string
	cost   string  // in absolute terms, for information
	now    float64 // in unit
	before float64 // the same of the older program; 0 if it was not measured
	unit   string
	aim    float64 // the maximum of now; 0 for a line that is for information
}

var table []line

// rounds are the values of the program that is measured and of the older one, if there is one.
type rounds [2][]float64

// addLine adds a line with the medians of the rounds.
func addLine(l line, values rounds) {
	l.now = median(values[0])
	if len(values[1]) > 0 {
		l.before = median(values[1])
	}
	table = append(table, l)
}

// printTable prints the lines of the table.
func printTable(w io.Writer) {
	if len(table) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "work\tcost\tbefore\tnow\taim\t")
	for _, l := range table {
		before, aim, met := "", "", ""
		if l.before > 0 {
			before = number(l.before)
		}
		if l.aim > 0 {
			aim, met = number(l.aim), "met"
			if l.now > l.aim {
				met = "NOT MET"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s %s\t%s\t%s\n", l.work, l.cost, before, number(l.now), l.unit, aim, met)
	}
	t.Flush()
}

// number formats a number with two or three digits.
func number(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2g", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

// median returns the median of the values.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// percentile returns the value that a share of the values does not exceed.
func percentile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[min(int(share*float64(len(s))), len(s)-1)]
}
