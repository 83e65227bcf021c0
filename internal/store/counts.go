package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"memoai.tech/memo"
)

// Totals are sums of a few rows of transcription_counts, because counting a million rows of an
// index takes a tenth of a second or more.

// countGroup is a group of transcriptions that are counted together.
type countGroup struct {
	workspaceID string
	status      memo.Status
	day         int64 // since 1970 in UTC, or allDays
	projectID   string
	language    string
}

func (g countGroup) compare(h countGroup) int {
	return cmp.Or(strings.Compare(g.workspaceID, h.workspaceID), cmp.Compare(g.status, h.status),
		cmp.Compare(g.day, h.day), strings.Compare(g.projectID, h.projectID), strings.Compare(g.language, h.language))
}

// allDays is the day of the groups that have the transcriptions of all days.
const allDays = -1 << 31

const (
	dayMillis  = 24 * 60 * 60 * 1000
	createdDay = `(created_at - (created_at % 86400000 + 86400000) % 86400000) / 86400000`
)

// dayOf is createdDay in Go. It also rounds times before 1970 down.
func dayOf(millis int64) int64 {
	return (millis - (millis%dayMillis+dayMillis)%dayMillis) / dayMillis
}

// addToCounts notes that the number of transcriptions in a group changes. The number for all days
// changes with that of the day. [Tx.writeCounts] writes the changes.
func (t *Tx) addToCounts(g countGroup, delta int64) {
	if t.counts == nil {
		t.counts = map[countGroup]int64{}
	}
	t.counts[g] += delta
	g.day = allDays
	t.counts[g] += delta
}

// countGroup returns the group of a transcription.
func (t *Tx) countGroup(ctx context.Context, seq int64) (g countGroup, err error) {
	var created int64
	err = t.q.QueryRowContext(ctx, `SELECT workspace_id, status, created_at, coalesce(project_id, ''),
		coalesce(language, '') FROM transcriptions WHERE seq = $1`, seq).
		Scan(&g.workspaceID, &g.status, &created, &g.projectID, &g.language)
	g.day = dayOf(created)
	return g, classifyError(err)
}

// maxGroups is how many groups one statement changes. It bounds the number of arguments.
const maxGroups = 200

// writeCounts writes the changes that addToCounts has noted, at the end of the transaction. By then
// bumpContent has locked the workspace, so two transactions cannot wait for each other's groups.
func (t *Tx) writeCounts(ctx context.Context) error {
	changed := slices.SortedFunc(maps.Keys(t.counts), countGroup.compare)
	changed = slices.DeleteFunc(changed, func(g countGroup) bool { return t.counts[g] == 0 })
	for groups := range slices.Chunk(changed, maxGroups) {
		query, args := addQuery(groups, t.counts)
		if err := t.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	lowered := slices.DeleteFunc(changed, func(g countGroup) bool { return t.counts[g] > 0 })
	for groups := range slices.Chunk(lowered, maxGroups) {
		query, args := deleteEmptyQuery(groups)
		if err := t.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// addQuery returns a statement that changes the numbers of groups.
func addQuery(groups []countGroup, delta map[countGroup]int64) (query string, args []any) {
	q, rows := new(queryBuilder), make([]string, len(groups))
	for i, g := range groups {
		row := []string{
			q.arg(g.workspaceID), q.arg(g.status), q.arg(g.day), q.arg(g.projectID), q.arg(g.language), q.arg(delta[g]),
		}
		rows[i] = "(" + strings.Join(row, ", ") + ")"
	}
	return `INSERT INTO transcription_counts (workspace_id, status, day, project_id, language, n)
		VALUES ` + strings.Join(rows, ", ") + ` ON CONFLICT (workspace_id, status, day, project_id, language)
		DO UPDATE SET n = transcription_counts.n + excluded.n`, q.args
}

// deleteEmptyQuery returns a statement that deletes those of the groups that have no transcription.
func deleteEmptyQuery(groups []countGroup) (query string, args []any) {
	q := new(queryBuilder)
	for _, g := range groups {
		q.where("workspace_id = %s AND status = %s AND day = %s AND project_id = %s AND language = %s AND n = 0",
			g.workspaceID, g.status, g.day, g.projectID, g.language)
	}
	return `DELETE FROM transcription_counts WHERE ` + strings.Join(q.conds, " OR "), q.args
}

// Recount counts the transcriptions of a workspace again whose numbers are not valid: after an
// upgrade or a restore, or after a replica of the previous version has changed it. It returns
// whether there was one.
func (s *Store) Recount(ctx context.Context) (found bool, err error) {
	ids, err := queryAll(ctx, s.dataReader.q, scanID,
		`SELECT id FROM workspaces WHERE counted_version <> content_version ORDER BY id LIMIT 1`)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	return true, s.Write(ctx, func(t *Tx) error { return t.recount(ctx, ids[0]) })
}

// recount counts the transcriptions of a workspace, unless another process has just done so, and queues
// those without speakers in the table of speakers. The lock
// makes it wait for every transaction that has raised the content version; one that has not yet will
// add its changes afterwards.
func (t *Tx) recount(ctx context.Context, workspaceID string) error {
	found, err := t.lock(ctx, `SELECT id FROM workspaces WHERE id = $1 AND counted_version <> content_version`,
		workspaceID)
	if !found || err != nil {
		return err
	}
	const into = `INSERT INTO transcription_counts (workspace_id, status, day, project_id, language, n) `
	for _, query := range []string{
		`DELETE FROM transcription_counts WHERE workspace_id = $1`,
		into + `SELECT workspace_id, status, ` + createdDay + `, coalesce(project_id, ''), coalesce(language, ''), count(*)
			FROM transcriptions WHERE workspace_id = $1 GROUP BY 1, 2, 3, 4, 5`,
		into + `SELECT workspace_id, status, -2147483648, project_id, language, sum(n)
			FROM transcription_counts WHERE workspace_id = $1 GROUP BY 1, 2, 4, 5`,
		`INSERT INTO speakers_pending SELECT t.seq FROM transcriptions t WHERE t.workspace_id = $1
			AND NOT EXISTS (SELECT 1 FROM transcription_speakers s WHERE s.seq = t.seq)
			AND NOT EXISTS (SELECT 1 FROM speakers_pending p WHERE p.seq = t.seq)`,
		`UPDATE workspaces SET counted_version = content_version WHERE id = $1`,
	} {
		if err := t.exec(ctx, query, workspaceID); err != nil {
			return err
		}
	}
	return nil
}

// isCounted reports whether the numbers of a workspace include those for a filter.
func (f Filter) isCounted() bool {
	return !f.Search && f.ExternalID == "" && f.Speaker == "" && f.UpdatedAfter.IsZero() &&
		toMillis(f.From)%dayMillis == 0 && toMillis(f.To)%dayMillis == 0
}

// sumQuery returns a query for the number of transcriptions that f selects. It has no row if the
// numbers are not valid.
func (f Filter) sumQuery() (query string, args []any) {
	q := &queryBuilder{from: "transcription_counts"}
	q.where("workspace_id = %s", f.WorkspaceID)
	q.where("status = %s", f.Status)
	if f.From.IsZero() && f.To.IsZero() {
		q.where("day = %s", int64(allDays))
	} else if f.From.IsZero() {
		q.where("day > %s", int64(allDays))
	}
	if !f.From.IsZero() {
		q.where("day >= %s", dayOf(toMillis(f.From)))
	}
	if !f.To.IsZero() {
		q.where("day < %s", dayOf(toMillis(f.To)))
	}
	q.inProjects("project_id", f.ProjectIDs)
	if f.Language != "" {
		q.where("language = %s", f.Language)
	}
	return `SELECT (` + q.query(`CAST(coalesce(sum(n), 0) AS BIGINT)`) + `) FROM workspaces
		WHERE id = $1 AND counted_version = content_version`, q.args
}
