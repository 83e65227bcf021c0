package web

import (
	"cmp"
	"strings"

	"memoai.tech/memo"
)

// eventSentence is what somebody did, behind their name: what it is about stands
// between the two parts, and may have a page.
type eventSentence struct{ Before, About, Link, After string }

func (s eventSentence) String() string { return strings.TrimSpace(s.Before + s.About + s.After) }

// eventTexts are the sentences by action. {} is the name of what it is about, {detail}
// is what else the trail noted. A new action of a workspace needs its line here.
var eventTexts = map[memo.Action]string{
	memo.ActionKeyCreated:     "created the key {}",
	memo.ActionKeyChanged:     "changed the key {}",
	memo.ActionKeyRotated:     "rotated a key; the replacement is {}",
	memo.ActionKeyRevoked:     "revoked the key {}",
	memo.ActionKeyDeactivated: "deactivated the key {}: {detail}",
	memo.ActionKeyExposed:     "marked the key {} as exposed: {detail}",

	memo.ActionMemberAdded:   "added {} as {detail}",
	memo.ActionMemberRole:    "changed the role of {} to {detail}",
	memo.ActionMemberRemoved: "removed {}",
	memo.ActionInviteCreated: "created an invitation to join as {detail}",
	memo.ActionInviteRevoked: "revoked an invitation",

	memo.ActionWorkspaceCreated: "created the workspace {detail}",
	memo.ActionWorkspaceRenamed: "renamed the workspace to {detail}",
	memo.ActionPlanChanged:      "changed the plan to {detail}",

	memo.ActionImported:       "imported {}",
	memo.ActionTitleChanged:   "renamed a transcription to {}",
	memo.ActionProjectChanged: "moved {} to the project {detail}",
	memo.ActionDeleted:        "deleted {}",

	memo.ActionDownloaded:  "downloaded {} as {detail}",
	memo.ActionNotSignedIn: "refused a sign-in as {}: {detail}",
}

// selfEventTexts are those of [eventTexts] that read otherwise where a member did it to
// themselves.
var selfEventTexts = map[memo.Action]string{
	memo.ActionMemberAdded:   "joined as {detail}",
	memo.ActionMemberRole:    "changed their own role to {detail}",
	memo.ActionMemberRemoved: "left the workspace",
}

// deed says an event.
func (v *pageRequest) deed(e memo.AuditEvent) (s eventSentence) {
	words, ok := eventTexts[e.Action]
	switch {
	case !ok:
		return eventSentence{Before: string(e.Action) + " " + e.Detail}
	case string(e.ActorID) == e.Subject:
		words = cmp.Or(selfEventTexts[e.Action], words)
	case e.Action == memo.ActionProjectChanged && e.Detail == "":
		words = "removed {} from its project"
	}
	s.Before, s.After, ok = strings.Cut(words, "{}")
	s.Before, s.After = strings.ReplaceAll(s.Before, "{detail}", e.Detail),
		strings.ReplaceAll(s.After, "{detail}", e.Detail)
	if !ok {
		return s
	}
	s.About = cmp.Or(e.Name, "(unnamed)")
	switch noun := e.Action.Subject(); {
	case noun == "key":
		s.Link = v.keysPath() + "/" + e.Subject
	case noun == "transcription" && e.Action != memo.ActionDeleted && !strings.Contains(e.Subject, " "): // or of several
		s.Link = "/w/" + v.WorkspaceID + "/transcriptions/" + e.Subject
	}
	return s
}
