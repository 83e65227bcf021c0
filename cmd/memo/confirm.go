package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// confirmation is the option of a command that asks on a terminal before it ends something.
type confirmation struct {
	Yes bool `help:"Do not ask for confirmation." env:"-"`
}

var errNotConfirmed = errors.New("not confirmed; nothing was changed")

// confirm asks a question with yes or no. Without a terminal it asks nothing.
func (c confirmation) confirm(e *environment, format string, args ...any) error {
	if _, ok := e.terminal(); !ok || c.Yes {
		return nil
	}
	answer := strings.ToLower(e.ask(fmt.Sprintf(format, args...) + " [y/N] "))
	if answer != "y" && answer != "yes" {
		return errNotConfirmed
	}
	return nil
}

// confirmDeletion asks to type the name of what is deleted. Without a terminal, --yes is required.
func (c confirmation) confirmDeletion(e *environment, name, format string, args ...any) error {
	if c.Yes {
		return nil
	}
	if _, ok := e.terminal(); !ok {
		return usageError("this cannot be undone: confirm it with --yes")
	}
	if e.ask(fmt.Sprintf(format, args...)+" This cannot be undone.\nType "+name+" to confirm: ") != name {
		return errNotConfirmed
	}
	return nil
}

// ask prints a question to stderr and returns the line that is typed.
func (e *environment) ask(question string) string {
	fmt.Fprint(e.stderr, question)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n') // at the end of the input, the answer is empty
	return strings.TrimSpace(line)
}
