package app

import (
	"context"
	"slices"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/store"
)

// filledTo is the number of transcriptions up to which a search that finds fewer is filled up with
// those that have most of its words: the default page of REST. It does not depend on the page, so the
// total does not either.
const filledTo = 20

// fillUp reads a page of a search that finds fewer than filledTo transcriptions. Those that have all
// words come first, in the order of the list, then the closest ones by rank. All of them together
// are the list: p.Total counts them, and cursors are offsets.
func (a *App) fillUp(
	ctx context.Context, c memo.Caller, p *Page, in ListQuery, filter store.Filter, order store.Order, offset int,
) error {
	items, err := a.store.List(ctx, filter, order, store.Range{Limit: filledTo})
	if err != nil {
		return err
	}
	all := len(items)
	closest, err := a.store.Closest(ctx, filter, filledTo) // may include some of the others
	if err != nil {
		return err
	}
	missing := map[string][]string{} // by id
	for _, it := range closest {
		if len(items) == filledTo || slices.ContainsFunc(items[:all], func(o store.ListItem) bool { return o.ID == it.ID }) {
			continue
		}
		items = append(items, it.ListItem)
		for _, i := range it.Missing {
			missing[it.ID] = append(missing[it.ID], filter.Query[i].Word)
		}
	}
	p.Total, p.Closest = len(items), len(items)-all
	items = items[min(offset, len(items)):]
	if len(items) > p.Limit {
		items = items[:p.Limit]
		p.NextCursor = nextCursor(in.Sort, offset+p.Limit, store.ListPosition{})
	}
	if err := a.addItems(ctx, c, p, in, filter, items); err != nil {
		return err
	}
	for i := range p.Items {
		p.Items[i].Missing = missing[p.Items[i].stored.ID]
	}
	return nil
}
