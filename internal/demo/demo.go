// Package demo holds a sample workspace: a dozen meetings of a small company,
// in the form that this API's own JSON export has, so that they come in by the
// way every import takes.
package demo

import "embed"

// Meetings holds meetings/*.json.
//
//go:embed meetings/*.json
var Meetings embed.FS
