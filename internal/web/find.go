package web

import (
	"strings"
	"unicode/utf8"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/search"
)

// foundMeeting is a transcription in the palette.
type foundMeeting struct {
	Title string `json:"title"`
	Href  string `json:"href"`
	Day   string `json:"day"`
}

// maxFound is how many transcriptions the palette shows, so that a search fits on the screen.
const maxFound = 6

// findMeetings responds to palette.js with the newest transcriptions that match ?q=. It responds
// with none if the query is empty or too long.
func findMeetings(v *pageRequest) error {
	q := strings.TrimSpace(v.r.URL.Query().Get("q"))
	meetings := []foundMeeting{}
	if q == "" || utf8.RuneCountInString(q) > search.MaxQuery {
		return v.renderJSON(meetings)
	}
	found, err := v.App.Transcriptions(v.ctx, v.Caller, app.ListQuery{
		Query: typed(q), Status: memo.StatusCompleted, Limit: maxFound, NoSnippets: true,
	})
	if err != nil {
		return err
	}
	for _, f := range found.Items {
		item, err := f.Item()
		if err != nil {
			return err
		}
		meetings = append(meetings, foundMeeting{
			item.Title, v.transcriptionsPath() + "/" + item.ID, formatDay(item.CreatedAt),
		})
	}
	return v.renderJSON(meetings)
}
