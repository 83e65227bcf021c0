package app

import (
	"context"

	"memoai.tech/memo"
)

// changeUnchanged changes the transcriptions of unchanged files to what the import sets.
func (a *App) changeUnchanged(
	ctx context.Context, c memo.Caller, files []ImportFile, results []BatchResult,
) error {
	for i, f := range files {
		r := &results[i].ImportResult
		set := f.details()
		if !r.Unchanged || set == (Details{}) {
			continue
		}
		set, err := a.differences(ctx, c, r.ID, set)
		if err == nil && set != (Details{}) {
			set, err = a.ChangeDetails(ctx, c, r.ID, set)
		}
		switch kind := memo.KindOf(err); {
		case kind == memo.KindForbidden || kind == memo.KindNotFound || isRefusal(err):
			r.NotChanged = err
		case err != nil:
			return err
		default:
			r.Changed = set.names()
		}
	}
	return nil
}

// differences returns those details that the transcription does not have. A read is cheaper than a transaction that
// changes nothing.
func (a *App) differences(ctx context.Context, c memo.Caller, id string, set Details) (Details, error) {
	set, err := CleanDetails(set, a.store.Now())
	if err != nil {
		return set, err
	}
	items, missing, err := a.store.Items(ctx, viewOf(c), []string{id})
	if err != nil {
		return set, err
	}
	if len(missing) > 0 {
		return set, memo.NotFound("Transcription")
	}
	it, err := items[0].Item()
	if err != nil {
		return set, err
	}
	if set.CreatedAt != nil && set.CreatedAt.Equal(it.CreatedAt) {
		set.CreatedAt = nil
	}
	if set.Language != nil && *set.Language == string(it.Language) {
		set.Language = nil
	}
	if p := items[0].Project; set.Project != nil && p != nil && *set.Project == p.Name {
		set.Project = nil
	}
	return set, nil
}

// names returns the names of the details, for people.
func (d Details) names() (names []string) {
	for _, detail := range []struct {
		set  bool
		name string
	}{
		{d.Title != nil, "title"},
		{d.Project != nil, "project"},
		{d.Language != nil, "language"},
		{d.CreatedAt != nil, "date"},
	} {
		if detail.set {
			names = append(names, detail.name)
		}
	}
	return names
}
