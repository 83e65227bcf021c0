// Command signin is a browser without a window, for the login flows of hosts: it opens the address of
// the consent page, signs in, allows the app, and returns to it. Hosts start it as xdg-open.
//
//	MEMO_EMAIL=… MEMO_PASSWORD=… signin URL
//	signin expire DIR   makes all access tokens in a data directory expire
package main

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	_ "modernc.org/sqlite"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "expire":
		err = expire(os.Args[2])
	case len(os.Args) > 1:
		err = consent(os.Args[len(os.Args)-1])
	default:
		err = errors.New("usage: signin URL, signin expire DIR")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "signin:", err)
		os.Exit(1)
	}
}

var (
	workspace = regexp.MustCompile(`name="workspace" value="([^"]+)"`)
	returned  = regexp.MustCompile(`http-equiv="refresh" content="0; url=([^"]+)"`)
)

// consent allows the app whose consent page has this address.
func consent(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	server := u.Scheme + "://" + u.Host
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	b := browser{http.Client{Jar: jar}}
	if _, err := b.post(server+"/signin", url.Values{
		"email": {os.Getenv("MEMO_EMAIL")}, "password": {os.Getenv("MEMO_PASSWORD")},
	}); err != nil {
		return err
	}
	page, err := b.get(address)
	if err != nil {
		return err
	}
	id := workspace.FindStringSubmatch(page)
	if id == nil {
		return fmt.Errorf("no consent page at %s", address)
	}
	form := u.Query()
	form.Set("workspace", id[1])
	form.Set("expiry", "30")
	form.Set("decision", "allow")
	if page, err = b.post(server+u.Path, form); err != nil {
		return err
	}
	to := returned.FindStringSubmatch(page)
	if to == nil {
		return errors.New("the page does not return to the app")
	}
	_, err = b.get(html.UnescapeString(to[1]))
	return err
}

type browser struct{ http.Client }

func (b *browser) get(address string) (string, error) {
	res, err := b.Get(address)
	return body(res, err)
}

func (b *browser) post(address string, form url.Values) (string, error) {
	res, err := b.PostForm(address, form)
	return body(res, err)
}

func body(res *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if res.StatusCode >= 400 {
		err = cmp.Or(err, fmt.Errorf("%s: %s", res.Request.URL.Path, res.Status))
	}
	return string(b), err
}

func expire(dir string) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "memo.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(`UPDATE app_tokens SET expires_at = created_at WHERE kind = 'access'`)
	return err
}
