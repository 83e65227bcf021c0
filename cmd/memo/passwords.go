package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"memoai.tech/memo"
)

type userPassword struct {
	userArg
	Link      bool   `help:"Print a link with which the user sets a password, once, within 24 hours."`
	PublicURL string `help:"The --public-url of the server, for --link." placeholder:"URL"`
}

func (c *userPassword) Run(s *session, u memo.User) error {
	if c.Link {
		return c.printLink(s, u)
	}
	password, err := c.password(s.environment)
	if err != nil {
		return err
	}
	if err := s.SetPassword(s.ctx, memo.Caller{Operator: true, UserID: u.ID}, password); err != nil {
		return err
	}
	return s.print(u, "%s has a new password. All their sessions are ended; their keys still work.", u.Email)
}

// password asks for the password on a terminal, and otherwise reads it from stdin.
func (c *userPassword) password(e *environment) (string, error) {
	if _, ok := e.terminal(); !ok {
		return e.readPassword("stdin has no password. Write it to stdin, run memo on a terminal, or use --link")
	}
	password, err := e.askPassword("New password: ")
	if err == nil && password == "" {
		err = errors.New("the password is empty; nothing was changed")
	}
	return password, err
}

// localURL is where a server listens unless --listen says otherwise.
const localURL = "http://127.0.0.1:8080"

// passwordLink is a link as JSON.
type passwordLink struct {
	URL       string    `json:"url"`
	Email     string    `json:"email"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (c *userPassword) printLink(s *session, u memo.User) error {
	l, token, err := s.CreatePasswordLink(s.ctx, operator, u.ID)
	if err != nil {
		return err
	}
	out := passwordLink{
		cmp.Or(strings.TrimSuffix(c.PublicURL, "/"), localURL) + "/password/" + token, l.Email, l.ExpiresAt,
	}
	return s.printResult(out, func() {
		s.printf("%s", out.URL) // nothing else on stdout, so that it can be piped
		fmt.Fprintf(s.stderr, "Send this link to %s. It works once, until %s, and replaces earlier links.\n",
			out.Email, formatTime(&out.ExpiresAt))
		if c.PublicURL == "" {
			fmt.Fprintln(s.stderr, "Set --public-url or MEMO_PUBLIC_URL if people open the server at another address.")
		}
	})
}

// readPassword reads a password from the first line of stdin. missing is the error if it is empty.
func (e *environment) readPassword(missing string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(e.stdin, 8<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usageError(missing)
	}
	return line, nil
}

// askPassword asks for a password twice on a terminal. It returns "" without a terminal, and if
// the first one is empty.
func (e *environment) askPassword(prompt string) (string, error) {
	fd, ok := e.terminal()
	if !ok {
		return "", nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(e.stderr, prompt)
		answer, err := term.ReadPassword(fd)
		fmt.Fprintln(e.stderr)
		return string(answer), err
	}
	first, err := ask(prompt)
	if err != nil || first == "" {
		return "", err
	}
	second, err := ask("Repeat password: ")
	if err == nil && first != second {
		err = errors.New("the passwords do not match; nothing was changed")
	}
	return first, err
}

// terminal returns the file descriptor of stdin, and false if it is not a terminal.
func (e *environment) terminal() (fd int, ok bool) {
	f, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}
