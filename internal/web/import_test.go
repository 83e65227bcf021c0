package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/transcript"
)

// upload sends files. parts are pairs of name and content; a name that starts with "=" is a
// field. If script is set, it sends them as upload.js does.
func (b *browser) upload(path string, script bool, parts ...string) page {
	b.w.T.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for i := 0; i+1 < len(parts); i += 2 {
		var part io.Writer
		var err error
		if name, ok := strings.CutPrefix(parts[i], "="); ok {
			part, err = m.CreateFormField(name)
		} else {
			part, err = m.CreateFormFile("files", parts[i])
		}
		b.w.Must(err)
		_, err = io.WriteString(part, parts[i+1])
		b.w.Must(err)
	}
	b.w.Must(m.Close())
	return b.do(http.MethodPost, path, body.String(), func(r *http.Request) {
		r.Header.Set("Content-Type", m.FormDataContentType())
		if script {
			r.Header.Set("Accept", "application/json")
		}
	})
}

func (w *world) importPath() string { return "/w/" + w.Acme.ID + "/import" }

// importAs imports a file and returns the id of the transcription.
func (w *world) importAs(b *browser, name, content string) string {
	w.T.Helper()
	p := b.upload(w.importPath(), false, name, content).want(200, "1 imported")
	_, rest, _ := strings.Cut(p.body, w.texts("/"))
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

const badVTT = "WEBVTT\n\n00:00:05.000 --> 00:00:xx.000\nHello\n"

func TestImportManyFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		b.get(w.importPath()).want(200, `enctype="multipart/form-data"`, "multiple", "32 MB").without(" style=")
		p := b.upload(w.importPath(), false, "=project", "From the web", "=language", "English",
			"one.txt", "Ann: hello", "bad.vtt", badVTT, "<b>two.srt", "1\n00:00:01,000 --> 00:00:02,000\nBob: hi\n", "empty.txt",
			"", "again.txt", "Ann: hello")
		p.want(200, "2 imported, 1 already there, 2 refused", "Refused: line 3", "Refused: is empty",
			"&lt;b&gt;two.srt").without("<b>two")
		b.get(w.texts("?language=en")).want(200, "one", "From the web")
		_, n, err := w.App.Projects(context.Background(), memo.Caller{Operator: true, WorkspaceID: w.Acme.ID}, 10, 0)
		w.Must(err)
		if n != 2 {
			t.Errorf("got %d projects, want 2", n)
		}
		b.upload(w.importPath(), false, "bad.vtt", badVTT).want(422, "0 imported, 0 already there, 1 refused")
		b.upload(w.importPath(), false, "", "").want(422, "Choose at least one file")
		b.post(w.importPath(), "project", "x").want(422, "Choose at least one file")
		b.upload(w.importPath(), false, "=language", "klingon?", "=project", "Kept", "l.txt", "x").want(422,
			"Language must be", `value="klingon?"`, `value="Kept"`)
		b.upload(w.importPath(), false, "=project", strings.Repeat("x", 101), "l.txt", "x").want(422, "Project must have")
		b.get(w.texts("?q=klingon")).without("l.txt")
		w.browser(w.Eve).upload(w.importPath(), false, "a.txt", "x").want(404)
	})
}

// TestRoleChangeDuringUpload checks that an upload continues while the user stays a member.
func TestRoleChangeDuringUpload(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		body, send := io.Pipe()
		const part = "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"%s.txt\"\r\n\r\nAnn: %[1]s\r\n"
		go func() {
			_, _ = fmt.Fprintf(send, part, "one")
			_, _ = fmt.Fprintf(send, part, "two") // the first file is imported by now
			_, err := w.App.SetRole(context.Background(), w.as(w.Olga, memo.RoleOwner), w.Acme.ID, w.Mark.ID, memo.RoleOwner)
			if err != nil {
				t.Error(err)
			}
			_, _ = fmt.Fprintf(send, part+"--x--\r\n", "three")
			_ = send.Close()
		}()
		w.browser(w.Mark).do(http.MethodPost, w.importPath(), "", func(r *http.Request) {
			r.Body, r.ContentLength = body, -1
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		}).want(200, "3 imported")
	})
}

func TestImportResultForScript(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		b.upload(w.importPath(), true, "=project", "", "=modified", "1767225600000", "one.txt", "Ann: hello").want(200,
			`"state":"imported"`, `"id":"`)
		b.get(w.texts("?from=2026-01-01&to=2026-01-01")).want(200, "one")
		b.upload(w.importPath(), true, "one.txt", "Ann: hello").want(200, `"state":"unchanged"`)
		b.upload(w.importPath(), true, "bad.vtt", badVTT).want(422, `"state":"refused"`, "line 3")
		b.upload(w.importPath(), true, "=language", "??", "l.txt", "x").want(422, "the language must be").without(`"state"`)
		w.browser(memo.User{}).upload(w.importPath(), true, "a.txt", "x").want(401, "You are signed out").without("<html",
			`"state"`)
		w.browser(w.Eve).upload(w.importPath(), true, "a.txt", "x").want(404).without("<html", `"state"`)
	})
}

func TestUploadLimits(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	b := w.browser(w.Mark)
	large := strings.Repeat("x\n", transcript.DefaultLimits.Bytes/2+1)
	b.upload(w.importPath(), false, "large.txt", large, "good.txt", "Ann: good day").want(200,
		"1 imported, 0 already there, 1 refused", "is larger than")
	b.upload(w.importPath(), true, "large.txt", large).want(422, "is larger than")
	b.upload(w.importPath(), false, "=language", "??", "large.txt", large).want(422, "Language must be")
	// Refused because of its Content-Length, before the body is read.
	huge := func(length int64, script bool) page {
		return b.do(http.MethodPost, w.importPath(), "", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(io.LimitReader(zeros{}, length)), length
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			r.Header.Set("Expect", "100-continue")
			if script {
				r.Header.Set("Accept", "application/json")
			}
		})
	}
	huge(1<<30, false).want(413, "The upload is too large")
	huge(41<<20, true).want(413, `"state":"refused"`, "The upload is too large")
	// Without a Content-Length, refused when the limit is reached.
	b.do(http.MethodPost, w.importPath(), "", func(r *http.Request) {
		head := "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n"
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, 42<<20))), -1
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("Accept", "application/json")
	}).want(413, "too large")
	// The body ends early: the first file is imported.
	cut := "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"kept.txt\"\r\n\r\nAnn: " +
		"kept\r\n--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"lost.txt\"\r\n\r\nAnn: lo"
	b.do(http.MethodPost, w.importPath(), cut,
		func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }).
		want(200, "kept.txt", "1 imported", "The import was interrupted").without("lost.txt")
	var many []string
	for i := range maxFormFiles + 1 {
		many = append(many, fmt.Sprintf("f%d.txt", i), "")
	}
	b.upload(w.importPath(), false, many...).want(422, "at most 200 files at once")
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestUploadCapacity checks that an upload is refused with 503 if its workspace has no capacity
// left, and that other workspaces are not affected.
func TestUploadCapacity(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	ctx := context.Background()
	mark := memo.Caller{WorkspaceID: w.Acme.ID, UserID: w.Mark.ID}
	var release []func()
	for range 3 {
		f, err := w.App.StartUpload(ctx, mark, int64(transcript.DefaultLimits.Bytes))
		w.Must(err)
		release = append(release, f)
	}
	for _, u := range []memo.User{w.Mark, w.Olga} {
		w.browser(u).upload(w.importPath(), true, "a.txt", "Ann: hello").
			want(503, "Too many uploads of this workspace are running")
	}
	w.browser(w.Eve).upload("/w/"+w.Other.ID+"/import", true, "a.txt", "Ann: hello").want(200, "imported")
	for _, f := range release {
		f()
	}
	w.browser(w.Mark).upload(w.importPath(), true, "b.txt", "Ann: hello again").want(200, "imported")
}

// TestImportOfMeetings: of the files of one meeting, the richest is imported, as on the command line.
func TestImportOfMeetings(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		b := w.browser(w.Mark)
		b.upload(w.importPath(), true, "=meeting", "yes", "=path", "Weekly/a.json", "a.json", `{"text":"Good morning."}`,
			"=path", "Weekly/a.txt", "a.txt", "[00:00] Ann: Good morning.\n[00:02] Ben: Hello.",
			"=path", "Weekly/a.vtt", "a.vtt", badVTT).want(200, `{"state":"imported","files":[{"state":"skipped",`,
			`"name":"Weekly/a.json","reason":"is of the same meeting as a.txt`, `{"state":"imported","name":"Weekly/a.txt"`)
		b.upload(w.importPath(), true, "=meeting", "yes", "a.vtt", badVTT, "a.txt", "").want(422,
			`{"state":"refused","files":`, `"name":"a.vtt","reason":"line 3`, `"name":"a.txt","reason":"is empty"`)
	})
}

// TestSelectionFromFolders: the server says what happens to the files of a folder.
func TestSelectionFromFolders(t *testing.T) {
	w := newWorld(t, sqliteWorld(t))
	choose := func(u memo.User, body string) page {
		return w.browser(u).do(http.MethodPost, w.importPath()+"/select", body, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json")
		})
	}
	choose(w.Mark, `[{"path":"f/a.txt","size":9},{"path":"f/a.json","size":9},{"path":"f/a.mp3","size":9},`+
		`{"path":"f/b.zip","size":9},{"path":"f/c.vtt","size":99999999},{"path":"f/A.md","size":9000000}]`).want(200,
		`"meetings":[[3],[1,0]]`, `{"file":4,"state":"refused","reason":"is larger than 32 MB, the limit for one file"}`,
		`{"file":5,"state":"skipped","reason":"is of the same meeting as a.json`,
		`{"file":2,"state":"skipped","reason":"is a rec`)
	choose(w.Mark, `[]`).want(200, `{"meetings":[],"left":[]}`)
	choose(w.Mark, `{`).want(422, "Choose a folder of at most 50000 files.")
	choose(w.Mark, `"`+strings.Repeat("x", maxSelectBytes)+`"`).want(413)
	choose(w.Eve, `[]`).want(404)
}
