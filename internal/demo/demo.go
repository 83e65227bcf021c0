// Package demo holds the transcriptions of a sample workspace: a dozen meetings of a small company, as
// JSON exports. "serve --demo" and the web app import them like any other file.
package demo

import (
	"embed"
	"iter"
)

// Meetings holds meetings/*.json.
//
//go:embed meetings/*.json
var Meetings embed.FS

// Files returns the name and content of each meeting, in the order of their names.
func Files() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		entries, err := Meetings.ReadDir("meetings")
		for _, e := range entries {
			var data []byte
			if data, err = Meetings.ReadFile("meetings/" + e.Name()); err != nil || !yield(e.Name(), data) {
				break
			}
		}
		if err != nil {
			panic(err) // embedded
		}
	}
}
