package telemetry

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// requestLine is the log line of a request, in the form in which slog writes its records. It is
// appended member by member, which takes a fifth of the time of a record and allocates nothing.
type requestLine struct{ b []byte }

var linePool = sync.Pool{New: func() any { return &requestLine{make([]byte, 0, 512)} }}

func (l *requestLine) begin(level slog.Level, at time.Time) {
	l.b = append(l.b, `{"time":"`...)
	l.b = at.AppendFormat(l.b, time.RFC3339Nano)
	l.b = append(append(l.b, `","level":"`...), level.String()...)
	l.b = append(l.b, `","msg":"request"`...)
}

func (l *requestLine) name(name string) {
	l.b = append(append(append(l.b, `,"`...), name...), `":`...)
}

// text appends a text, which must be valid UTF-8.
func (l *requestLine) text(name, s string) {
	l.name(name)
	l.b, _ = jsontext.AppendQuote(l.b, s)
}

func (l *requestLine) number(name string, n int64) {
	l.name(name)
	l.b = strconv.AppendInt(l.b, n, 10)
}

// milliseconds appends a duration, to the microsecond.
func (l *requestLine) milliseconds(name string, d time.Duration) {
	l.name(name)
	l.b = strconv.AppendFloat(l.b, float64(d.Microseconds())/1000, 'f', -1, 64)
}
