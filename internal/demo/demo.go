// Package demo holds the transcriptions of a sample workspace: a dozen meetings
// of a small company, as JSON exports, which "serve --demo" imports like any
// other file.
package demo

import "embed"

// Meetings holds meetings/*.json.
//
//go:embed meetings/*.json
var Meetings embed.FS
