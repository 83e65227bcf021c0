package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/credential"
	"memoai.tech/memo/internal/transcript"
)

// TestLastRename: the old name is in the audit trail, unless it cannot be given back. Everybody sees
// their own changes only.
func TestLastRename(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.as(w.owner), w.as(w.member)
		long := strings.Repeat("N", memo.MaxName+1)
		in, err := w.Import(w.ctx, member, app.ImportFile{
			Name: "First.vtt", Data: []byte("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Yes\n\n" +
				"00:03.000 --> 00:04.000\n<v Bob>No\n\n00:05.000 --> 00:06.000\n<v " + long + ">Well\n"),
		})
		id := must(t, in, err).ID
		last := func(c memo.Caller, action memo.Action) string {
			t.Helper()
			e, ok, err := w.LastRename(w.ctx, c, id, action)
			if must(t, ok, err) {
				return e.Details.Before
			}
			return ""
		}
		rename := func(c memo.Caller, from, to string) {
			t.Helper()
			_, err := w.RenameSpeaker(w.ctx, c, id, from, to)
			must(t, 0, err)
		}
		if got := last(member, memo.ActionTitleChanged); got != "" {
			t.Errorf("before any change, the title was %q", got)
		}
		_, err = w.ChangeDetails(w.ctx, member, id, app.Details{Title: new("Second")})
		must(t, 0, err)
		rename(member, "Ann", "Anna")
		if got := last(member, memo.ActionTitleChanged); got != "First" {
			t.Errorf("the title was %q", got)
		}
		if got := last(member, memo.ActionSpeakerRenamed); got != "Ann" {
			t.Errorf("the speaker was %q", got)
		}
		for _, action := range []memo.Action{memo.ActionTitleChanged, memo.ActionSpeakerRenamed} {
			if got := last(owner, action); got != "" {
				t.Errorf("the owner takes back the %s of the member to %q", action, got)
			}
		}
		rename(owner, "Anna", "Bob")
		if got := last(owner, memo.ActionSpeakerRenamed); got != "" {
			t.Errorf("two speakers that were joined are separated again, as %q", got)
		}
		rename(owner, long, "Eve")
		if got := last(owner, memo.ActionSpeakerRenamed); got != "" {
			t.Errorf("a name that is too long is given back: %q", got)
		}
		for i := range 20 {
			_, err = w.ChangeDetails(w.ctx, member, id, app.Details{Project: new([]string{"Sales", ""}[i%2])})
			must(t, 0, err)
		}
		if got := last(member, memo.ActionSpeakerRenamed); got != "" {
			t.Errorf("after many other changes, the speaker was %q", got)
		}
	})
}

// TestRenameSpeaker: the new name is in the segments, the text, the list of speakers, the exports and
// the search, and the old one in none of them. Long transcripts are stored in parts.
func TestRenameSpeaker(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner, member := w.as(w.owner), w.as(w.member)
		for _, lines := range []int{1, 3500} {
			var b strings.Builder
			for i := range lines {
				fmt.Fprintf(&b, "[%s] Walnut: A line of what was said, which makes the transcript long enough.\n"+
					"[%s] Almond: Yes.\n", memo.Seconds(2*i).Timestamp(), memo.Seconds(2*i+1).Timestamp())
			}
			text := b.String()
			in, err := w.Import(w.ctx, owner, app.ImportFile{Name: fmt.Sprint(lines) + ".txt", Data: []byte(text)})
			id := must(t, in, err).ID
			_, err = w.RenameSpeaker(w.ctx, member, id, "Walnut", "Pecan")
			wantKind(t, "a member renames a speaker of the OWNER's transcription", err, memo.KindForbidden)
			_, err = w.RenameSpeaker(w.ctx, owner, id, "Walnut", " ")
			wantKind(t, "an empty name", err, memo.KindInvalid)
			_, err = w.RenameSpeaker(w.ctx, owner, id, "Hazel", "Pecan")
			wantKind(t, "a speaker who is not there", err, memo.KindInvalid)
			for _, c := range []struct {
				from, to string
				merged   bool
			}{
				{"Walnut", "Pecanut", false},
				{"Pecanut", "Walnut", false},
				{"Walnut", "Pistachio of a long name", false},
				{"Pistachio of a long name", "Almond", true},
			} {
				before := w.fresh(owner).ContentVersion
				merged, err := w.RenameSpeaker(w.ctx, owner, id, c.from, c.to)
				if err != nil || merged != c.merged {
					t.Fatalf("%s to %s: merged %v (%v), want %v", c.from, c.to, merged, err, c.merged)
				}
				if w.fresh(owner).ContentVersion <= before {
					t.Error("the content version has not grown")
				}
				want, speakers := strings.ReplaceAll(text, "Walnut", c.to), 2
				if c.merged {
					speakers = 1
				}
				got, err := w.Text(w.ctx, owner, id)
				if err != nil || got != strings.TrimSuffix(want, "\n") {
					t.Errorf("%s: the text is %.300q (%v)", c.to, got, err)
				}
				full, err := w.Transcription(w.ctx, owner, id)
				doc, err2 := must(t, full, err).Decode(w.ctx)
				if err2 != nil || len(doc.Speakers) != speakers || memo.Lines(doc.Segments)+"\n" != want {
					t.Errorf("%s: the speakers are %v (%v)", c.to, doc.Speakers, err2)
				}
				for _, f := range transcript.Formats {
					if lines > 1 && !c.merged {
						continue // long exports take long with the race detector
					}
					file, err := w.Export(w.ctx, owner, id, f)
					b, err2 := must(t, file, err).Bytes(w.ctx)
					if err2 != nil || bytes.Contains(b, []byte(c.from)) || !bytes.Contains(b, []byte(c.to)) {
						t.Errorf("%s: the export as %s is %.300q (%v)", c.to, f, b, err2)
					}
				}
				for q, want := range map[string]int{c.from: 0, c.to: 1} {
					page, err := w.Transcriptions(w.ctx, w.fresh(owner),
						app.ListQuery{Status: memo.StatusCompleted, Query: q, Limit: 10})
					if got := len(must(t, page, err).Items); got != want {
						t.Errorf("a search for %s after the change to %s finds %d, want %d", q, c.to, got, want)
					}
				}
				must(t, 0, errOf(w.ChangeDetails(w.ctx, owner, id, app.Details{Title: new("Nuts")})))
			}
			must(t, 0, w.DeleteTranscription(w.ctx, owner, id))
		}
		events, err := w.Events(w.ctx, owner, app.EventQuery{Limit: 50})
		if i := slices.IndexFunc(must(t, events, err), func(e memo.AuditEvent) bool {
			return e.Action == memo.ActionSpeakerRenamed && e.Details.String() == "Walnut is now Pecanut"
		}); i < 0 {
			t.Errorf("the events are %v", events)
		}
	})
}

// TestChangeDetails: what changes is found by its new values only, and moves the time of the last change.
func TestChangeDetails(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		owner := w.as(w.owner)
		var ids []string
		for _, name := range []string{"2026-05-01 first.txt", "2026-05-02 second.txt", "2026-05-03 third.txt"} {
			in, err := w.Import(w.ctx, owner, app.ImportFile{
				Name: name, Data: []byte("Ann: walnuts of " + name), Language: "en", Project: "Sales",
			})
			ids = append(ids, must(t, in, err).ID)
		}
		list := func(q app.ListQuery) (found []string) {
			q.Status, q.Limit = memo.StatusCompleted, 10
			page, err := w.Transcriptions(w.ctx, w.fresh(owner), q)
			if must(t, page, err); page.Total != len(page.Items) {
				t.Errorf("%+v: the total is %d for %d items", q, page.Total, len(page.Items))
			}
			for _, it := range page.Items {
				item, err := it.Item()
				found = append(found, must(t, item, err).ID)
			}
			return found
		}
		item := func(id string) memo.ListItem {
			full, err := w.Transcription(w.ctx, owner, id)
			item, err2 := must(t, full, err).Item()
			return must(t, item, err2)
		}
		for field, d := range map[string]app.Details{
			"title": {Title: new(""), Language: new("de")}, "language": {Language: new("<b>"), Title: new("x")},
			"project": {Project: new("a\nb")}, "date": {CreatedAt: new(w.clock.read().AddDate(1, 0, 0))},
		} {
			_, err := w.ChangeDetails(w.ctx, owner, ids[0], d)
			if e, ok := errors.AsType[*memo.Error](err); !ok || e.Kind != memo.KindInvalid || e.Field != field {
				t.Errorf("an invalid %s: %v", field, err)
			}
		}
		before := item(ids[0])
		w.clock.add(time.Second)
		at := time.Date(2026, 5, 2, 23, 59, 59, 999e6, time.FixedZone("", 3600))
		details := app.Details{Title: new(" Marzipan "), CreatedAt: &at, Language: new("German"), Project: new("Kitchen")}
		if _, err := w.ChangeDetails(w.ctx, owner, ids[0], details); err != nil {
			t.Fatal(err)
		}
		after := item(ids[0])
		if after.Title != "Marzipan" || !after.CreatedAt.Equal(at) || after.Language != "de" ||
			!after.UpdatedAt.After(before.UpdatedAt) {
			t.Errorf("the transcription is %+v", after)
		}
		day := func(n int) time.Time { return time.Date(2026, 5, n, 0, 0, 0, 0, time.UTC) }
		for desc, c := range map[string]struct {
			q    app.ListQuery
			want []int
		}{
			"all":                {app.ListQuery{}, []int{2, 0, 1}},
			"all, oldest first":  {app.ListQuery{Sort: "created_at"}, []int{1, 0, 2}},
			"a search":           {app.ListQuery{Query: "walnuts"}, []int{2, 0, 1}},
			"an ascending one":   {app.ListQuery{Query: "walnuts", Sort: "created_at"}, []int{1, 0, 2}},
			"the new title":      {app.ListQuery{Query: "marzipan"}, []int{0}},
			"a speaker":          {app.ListQuery{Speaker: "ann"}, []int{2, 0, 1}},
			"the new day":        {app.ListQuery{From: day(2), To: day(2)}, []int{0, 1}},
			"the previous day":   {app.ListQuery{From: day(1), To: day(1)}, nil},
			"a search in a day":  {app.ListQuery{Query: "walnuts", From: day(2), To: day(2)}, []int{0, 1}},
			"a speaker in a day": {app.ListQuery{Speaker: "ann", From: day(1), To: day(1)}, nil},
			"the new language":   {app.ListQuery{Language: "de"}, []int{0}},
			"the previous one":   {app.ListQuery{Language: "en"}, []int{2, 1}},
		} {
			var want []string
			for _, i := range c.want {
				want = append(want, ids[i])
			}
			if got := list(c.q); !slices.Equal(got, want) {
				t.Errorf("%s: found %v, want %v", desc, got, want)
			}
		}
		for _, project := range []*string{new("Kitchen"), new("")} {
			before := item(ids[0])
			w.clock.add(time.Second)
			changed, err := w.ChangeDetails(w.ctx, owner, ids[0], app.Details{Project: project, Title: new("Marzipan")})
			if same := *project == "Kitchen"; err != nil || (changed == app.Details{}) != same ||
				item(ids[0]).UpdatedAt.Equal(before.UpdatedAt) != same {
				t.Errorf("the project %q: changed %+v (%v)", *project, changed, err)
			}
		}
		events, err := w.Events(w.ctx, owner, app.EventQuery{Noun: "transcription", Limit: 5})
		var texts []string
		for _, e := range must(t, events, err) {
			texts = append(texts, fmt.Sprintf("%s %s: %s", e.Action, e.Name, e.Details))
		}
		if diff := cmp.Diff([]string{
			"transcription.moved Marzipan: ", "transcription.moved Marzipan: Kitchen",
			"transcription.language_changed Marzipan: de", "transcription.date_changed Marzipan: 2026-05-02T22:59:59Z",
			"transcription.renamed Marzipan: first",
		}, texts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOnlyImporterOrOwnerChangesTranscription(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		addFile := func(c memo.Caller, name string) string {
			in, err := w.Import(w.ctx, c, app.ImportFile{Name: name + ".txt", Data: []byte("Ann: about " + name)})
			return must(t, in, err).ID
		}
		owner, member := w.as(w.owner), w.as(w.member)
		ofOwner, ofMember := addFile(owner, "walnuts"), addFile(member, "almonds")
		find := func(q string) []string {
			page, err := w.Transcriptions(w.ctx, w.fresh(owner),
				app.ListQuery{Status: memo.StatusCompleted, Query: q, Limit: 10})
			must(t, page, err)
			var ids []string
			for _, it := range page.Items {
				item, err := it.Item()
				ids = append(ids, must(t, item, err).ID)
			}
			return ids
		}
		wantKind(t, "a member renames the OWNER's transcription",
			errOf(w.ChangeDetails(w.ctx, member, ofOwner, app.Details{Title: new("New")})), memo.KindForbidden)
		wantKind(t, "a member deletes the OWNER's transcription",
			w.DeleteTranscription(w.ctx, member, ofOwner), memo.KindForbidden)
		key := member
		key.KeyID = "k"
		wantKind(t, "a key renames a transcription",
			errOf(w.ChangeDetails(w.ctx, key, ofMember, app.Details{Title: new("New")})), memo.KindForbidden)
		stranger := memo.Caller{UserID: w.owner.ID, WorkspaceID: w.addWorkspace("Other", w.owner).ID, Role: memo.RoleOwner}
		wantKind(t, "deleting in another workspace", w.DeleteTranscription(w.ctx, stranger, ofMember), memo.KindNotFound)
		wantKind(t, "an empty title",
			errOf(w.ChangeDetails(w.ctx, member, ofMember, app.Details{Title: new("")})), memo.KindInvalid)
		for id, want := range map[string]bool{ofOwner: false, ofMember: true} {
			if may, err := w.MayChangeTranscription(w.ctx, member, id); may != want || err != nil {
				t.Errorf("a member may change %s: %v (%v), want %v", id, may, err, want)
			}
		}

		before := w.fresh(owner).ContentVersion
		must(t, 0, errOf(w.ChangeDetails(w.ctx, member, ofMember, app.Details{Title: new("Marzipan")})))
		if got := find("marzipan"); !slices.Equal(got, []string{ofMember}) {
			t.Errorf("a search for the new title finds %v", got)
		}
		if got := find("almonds"); !slices.Equal(got, []string{ofMember}) {
			t.Errorf("a search for the text finds %v", got)
		}
		must(t, 0, errOf(w.ChangeDetails(w.ctx, owner, ofMember, app.Details{Project: new("Kitchen")})))
		projects, n, err := w.Projects(w.ctx, owner, 10, 0)
		if err != nil || n != 1 || projects[0].Name != "Kitchen" || projects[0].TranscriptionCount != 1 {
			t.Errorf("the projects are %+v (%v), want Kitchen with 1 transcription", projects, err)
		}
		must(t, 0, errOf(w.ChangeDetails(w.ctx, owner, ofMember, app.Details{Project: new("")})))
		full, err := w.Transcription(w.ctx, owner, ofMember)
		must(t, full, err)
		if body, err := full.AppendJSON(nil); err != nil || !bytes.Contains(body, []byte(`"title":"Marzipan"`)) ||
			!bytes.Contains(body, []byte(`"project":null`)) {
			t.Errorf("the transcription is %s (%v), want the new title and no project", body, err)
		}
		must(t, 0, w.DeleteTranscription(w.ctx, owner, ofMember))
		if _, err := w.Transcription(w.ctx, owner, ofMember); memo.KindOf(err) != memo.KindNotFound ||
			len(find("almonds")) != 0 {
			t.Errorf("a deleted transcription is still found: %v", err)
		}
		if after := w.fresh(owner).ContentVersion; after < before+4 {
			t.Errorf("the content version went from %d to %d, want at least 4 more", before, after)
		}
		if id := addFile(member, "almonds"); id == ofMember || len(find("almonds")) != 1 {
			t.Error("the file of a deleted transcription cannot be imported again")
		}
		events, err := w.Events(w.ctx, owner, app.EventQuery{Noun: "transcription", Limit: 100})
		must(t, 0, err)
		var actions []string
		for _, e := range events {
			actions = append(actions, string(e.Action))
		}
		if diff := cmp.Diff([]string{
			"transcription.imported", "transcription.deleted", "transcription.moved", "transcription.moved",
			"transcription.renamed", "transcription.imported", "transcription.imported",
		}, actions); diff != "" {
			t.Error(diff)
		}
		for i, language := range []string{"de", "en", "de", "ja"} {
			_, err := w.Import(w.ctx, owner, app.ImportFile{
				Name: "l.txt", Data: []byte(strings.Repeat("x", i+1)), Language: language,
			})
			must(t, 0, err)
		}
		if got, err := w.Languages(w.ctx, owner); err != nil || !slices.Equal(got, []string{"de", "en", "ja"}) {
			t.Errorf("the languages are %v (%v), want de, en and ja", got, err)
		}
	})
}

// fresh returns a caller with the content version that a request has now.
func (w *world) fresh(c memo.Caller) memo.Caller {
	w.t.Helper()
	k, err := w.CreateKey(w.ctx, c, app.KeyRequest{Name: "probe"})
	must(w.t, k, err)
	key, _ := credential.ParseKey(k.Key)
	now, err := w.AuthoriseKey(w.ctx, key, app.Client{}, memo.PermissionREST)
	must(w.t, now, err)
	c.ContentVersion = now.ContentVersion
	return c
}
