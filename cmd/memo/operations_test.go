// The test is internal because the options are the fields of the command line.
package main

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// docs/operations.md names every option of memo serve and its variable.
func TestEveryOptionIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var c cli
	parser, err := kong.New(&c, kong.DefaultEnvars("MEMO"), enums)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		if command.Target != reflect.ValueOf(&c.Serve).Elem() {
			continue
		}
		for _, group := range command.AllFlags(true) {
			for _, f := range group {
				if slices.Contains([]string{"help", "json", "version"}, f.Name) {
					continue
				}
				for _, word := range append([]string{"`--" + f.Name}, f.Envs...) {
					if !strings.Contains(string(doc), word) {
						t.Errorf("docs/operations.md does not contain %s", word)
					}
				}
			}
		}
		return
	}
	t.Fatal("the command serve was not found")
}
