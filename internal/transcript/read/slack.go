package read

import (
	"cmp"
	"math"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
)

var (
	slackNotice = regexp.MustCompile(`^<@[A-Z0-9]+(?:\|[^>]*)?> (?:has (?:joined|left) the (?:channel|group)|` +
		`(?:un)?pinned a message|set the channel |started a huddle|archived the channel)`)
	slackLink = regexp.MustCompile(`<([@#!]?)([^<>|\s]+)(?:\|([^<>]*))?>`)
)

// finishSlack names the people of an export of Slack, also where a text mentions them, and leaves out what Slack itself
// wrote. The parts of an item are the id of its author.
func finishSlack(r *jsonReading) (words bool, err error) {
	names := map[string]string{}
	for n := range r.items {
		i := &r.items[n]
		var id string
		if json.Unmarshal([]byte(cmp.Or(i.parts, `""`)), &id) != nil || id == "" {
			continue
		}
		if i.speaker != "" {
			names[id] = i.speaker
		}
		i.parts = id
	}
	kept := r.items[:0]
	for _, i := range r.items {
		if slackNotice.MatchString(i.text) {
			continue
		}
		if i.speaker == "" {
			i.speaker = cmp.Or(names[i.parts], i.parts)
		}
		i.text, i.end = slackText(i.text, names), math.NaN() // until the next one that remains
		kept = append(kept, i)
	}
	r.items = kept
	return false, nil
}

// slackText returns a text without Slack's markup of links, people and channels.
func slackText(text string, names map[string]string) string {
	if strings.Contains(text, "<") {
		text = slackLink.ReplaceAllStringFunc(text, func(link string) string {
			m := slackLink.FindStringSubmatch(link)
			sign, target, label := m[1], m[2], m[3]
			switch sign {
			case "":
				return cmp.Or(label, target)
			case "!":
				return cmp.Or(label, "@"+target)
			}
			return sign + cmp.Or(strings.TrimLeft(label, "@#"), names[target], target)
		})
	}
	return unescapeVTT(text)
}
