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

// csvPage is how many events the CSV holds in memory at once.
const csvPage = 1000

// auditCSV sends the trail under the page's filter, all of it, the newest first.
// The first part is read before the first byte, so that what goes wrong at once
// has its page; what goes wrong later breaks the connection.
func auditCSV(v *pageRequest) error {
	in, problems := v.eventQuery()
	if len(problems) > 0 {
		return showAudit(v) // says what is wrong beside its field
	}
	in.Limit = csvPage
	events, err := v.App.Events(v.ctx, v.Caller, in)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="memo-audit-`+formatDay(v.Now())+`.csv"`)
	return httpx.StreamWithRecheck(v.w, v.r, v.recheck, func(ctx context.Context) error {
		v.ctx = ctx // it takes longer than a page may
		return v.writeEventsCSV(in, events)
	})
}

// writeEventsCSV writes events, and those that are older than they are.
func (v *pageRequest) writeEventsCSV(in app.EventQuery, events []memo.AuditEvent) (err error) {
	out := csv.NewWriter(v.w)
	_ = out.Write([]string{
		"time", "who", "what", "action", "subject", "name", "detail", "address",
		"program",
	}) // an error stays until Flush
	for {
		for _, e := range events {
			row := []string{
				e.At.UTC().Format(time.RFC3339), e.Actor, v.deed(e).String(), string(e.Action), e.Subject, e.Name,
				e.Detail, string(e.IP), string(e.Agent),
			}
			for i := range row {
				row[i] = neutraliseFormula(row[i])
			}
			_ = out.Write(row) // as above
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

// neutraliseFormula marks as text what a spreadsheet would run as a formula: at the start of
// a cell, and within one where a spreadsheet that parts cells at semicolons or
// tabs, or takes quotes for its own, would start another.
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
