package pull

import "time"

// SetBackoff changes the time before the second try of a request.
func (p *Folder) SetBackoff(d time.Duration) { p.client.backoff = d }

// The parts of a Markdown file that the tests look at.
var (
	Quote = quote
	Tag   = tag
)
