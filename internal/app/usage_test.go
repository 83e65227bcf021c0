package app_test

import (
	"slices"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/ratelimit"
)

func TestUsageIncludesUnwrittenUse(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, used := w.key(w.member, "n8n")
		_, unused := w.key(w.owner, "unused")
		spend := func(n int) {
			for range n {
				c, err := w.AuthoriseKey(w.ctx, key, app.Client{Address: "192.0.2.1"}, memo.PermissionREST)
				must(t, c, err)
				_, err = w.TakeLimit(w.ctx, c, ratelimit.Data)
				must(t, 0, err)
			}
		}
		spend(3)
		w.clock.add(2 * time.Hour)
		spend(2)
		check := func(when string) {
			t.Helper()
			use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{unused, used}, app.UsageDay)
			must(t, 0, err)
			if total, err := w.Usage(w.ctx, w.as(w.member), app.UsageDay); err != nil || !slices.Equal(total, use[1]) {
				t.Errorf("%s, the usage of all keys of the member is %+v, %v", when, total, err)
			}
			if total, err := w.Usage(w.ctx, w.as(w.owner), app.UsageDay); err != nil || !slices.Equal(total, use[1]) {
				t.Errorf("%s, the usage of all keys is %+v, %v", when, total, err)
			}
			if u := use[1]; u[21].Requests != 3 || u[22].Requests != 0 || u[23].Requests != 2 || use[0][23].Requests != 0 {
				t.Errorf("%s, the usage is %+v, want 3, 0 and 2 requests in the last hours", when, use)
			}
		}
		check("before all use is written")
		w.FlushUsage(w.ctx)
		check("after all use is written")
		if use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{used}, app.UsageFortnight); err != nil ||
			use[0][12].Requests+use[0][13].Requests != 5 || use[0][11].Requests != 0 {
			t.Errorf("usage of two weeks: %+v, %v", use, err)
		}
		if use, err := w.UsageOf(w.ctx, w.as(w.owner), nil, app.UsageDay); err != nil || len(use) != 0 {
			t.Errorf("usage of no keys: %+v, %v", use, err)
		}
	})
}

// TestRefusalsHaveReasons checks that every refusal of a key is counted with its reason.
func TestRefusalsHaveReasons(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, view := w.key(w.member, "n8n")
		call := func() (memo.Caller, error) {
			return w.AuthoriseKey(w.ctx, key, app.Client{Address: "192.0.2.1"}, memo.PermissionREST)
		}
		caller, err := call()
		must(t, caller, err)
		want := memo.Calls{Refused: 11, Reasons: [8]int64{
			memo.RefusedByLimit: 1, memo.RefusedByPlan: 2, memo.RefusedForbidden: 3, memo.RefusedInURL: 4, memo.RefusedEnded: 1,
		}}
		for err = nil; err == nil; want.Requests++ {
			_, err = w.TakeLimit(w.ctx, caller, ratelimit.Data)
		}
		want.Requests--
		wantKind(t, "a call over the limit", err, memo.KindRateLimited)
		setPlan := func(p memo.Plan) {
			t.Helper()
			must(t, 0, w.SetPlan(w.ctx, theOperator, w.workspace.ID, p))
		}
		setPlan(memo.PlanFree)
		for range want.Reasons[memo.RefusedByPlan] {
			wantKind(t, "a call without API access", errOf(call()), memo.KindForbidden)
		}
		setPlan(memo.PlanPro)
		for range want.Reasons[memo.RefusedForbidden] {
			wantKind(t, "managing keys with a key", w.RefuseManagement(w.ctx, caller), memo.KindForbidden)
		}
		for range want.Reasons[memo.RefusedInURL] {
			w.MarkExposed(w.ctx, []credential.Key{credential.NewKey(), key}, app.Client{Address: "192.0.2.1"})
		}
		must(t, 0, w.RevokeKey(w.ctx, w.as(w.member), view.ID))
		wantKind(t, "a call with a revoked key", errOf(call()), memo.KindUnauthorized)
		for _, when := range []string{"before", "after"} {
			use, err := w.UsageOf(w.ctx, w.as(w.owner), []memo.KeyView{view}, app.UsageDay)
			must(t, 0, err)
			var got memo.Calls
			for _, calls := range use[0] {
				got = got.Plus(calls)
			}
			if got != want {
				t.Errorf("%s all use is written: got %+v, want %+v", when, got, want)
			}
			w.FlushUsage(w.ctx)
		}
	})
}

// TestFirstCall checks that a key says what its first call did, but not what later ones did.
func TestFirstCall(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		key, created := w.key(w.member, "n8n")
		for i, query := range []app.ListQuery{{}, {Query: "budget"}} {
			c, err := w.AuthoriseKey(w.ctx, key, app.Client{Address: "192.0.2.1"}, memo.PermissionREST)
			must(t, c, err)
			_, err = w.TakeLimit(w.ctx, c, ratelimit.Data)
			must(t, 0, err)
			_, err = w.Transcriptions(w.ctx, c, query)
			must(t, 0, err)
			k, err := w.GetKey(w.ctx, w.as(w.member), created.ID)
			must(t, k, err)
			if k.FirstCall != "listed 0 transcriptions" {
				t.Errorf("after call %d, the first call %q", i+1, k.FirstCall)
			}
		}
	})
}
