// Package docs has the documents that the web app also shows.
package docs

import _ "embed"

// Transcripts says how to get transcripts out of other tools, in Markdown.
//
//go:embed transcripts.md
var Transcripts string
