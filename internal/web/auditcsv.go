package web

import (
	"context"
	"encoding/csv"
	"strings"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
)

// csvPage is the number of events that are read at a time.
const csvPage = 1000

// auditCSV sends all events that match the page's filter, newest first. It reads the first
// events before the first byte, so that an error can still be a page. A later error breaks
// the connection.
func auditCSV(v *pageRequest) error {
	in := v.eventQuery()
	if len(v.problems) > 0 {
		return showAudit(v) // shows the problems at their fields
	}
	in.Limit = csvPage
	events, err := v.App.Events(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="memo-audit-`+formatDay(v.Now())+`.csv"`)
	return httpx.StreamWithRecheck(v.w, v.r, v.recheck, func(ctx context.Context) error {
		v.ctx = ctx // the deadline of a page is too short
		return v.writeEventsCSV(in, events)
	})
}

// writeEventsCSV writes the events and all older ones that match.
func (v *pageRequest) writeEventsCSV(in app.EventQuery, events []memo.AuditEvent) (err error) {
	out := csv.NewWriter(v.w)
	// Flush returns the errors of Write.
	_ = out.Write([]string{"time", "who", "what", "action", "subject", "name", "detail", "address", "program"})
	for {
		for _, e := range events {
			row := []string{
				e.At.UTC().Format(time.RFC3339), e.Actor, v.describe(e).String(), string(e.Action), e.Subject, e.Name,
				e.Details.String(), string(e.IP), string(e.Agent),
			}
			for i := range row {
				row[i] = neutraliseFormula(row[i])
			}
			_ = out.Write(row)
		}
		out.Flush()
		if err := out.Error(); err != nil || len(events) < in.Limit {
			return err
		}
		in.Before = events[len(events)-1].ID
		if events, err = v.App.Events(v.ctx, v.Caller, in); err != nil {
			return err
		}
	}
}

// neutraliseFormula puts an apostrophe before every character that could start a formula in a
// spreadsheet: at the start of the cell, and after a semicolon, tab, line break or double
// quote, where some spreadsheets start another cell.
func neutraliseFormula(cell string) string {
	var b strings.Builder
	from, starts := 0, true
	for i, r := range cell {
		if starts && strings.ContainsRune("=+-@\t\r\n＝＋－＠", r) {
			b.WriteString(cell[from:i] + "'")
			from = i
		}
		starts = strings.ContainsRune(";\t\r\n\"", r)
	}
	return b.String() + cell[from:]
}
