package web

import (
	"cmp"
	"strings"

	"memoai.tech/memo"
)

// eventSentence is the sentence of an audit event, without the actor. Link is the page of
// the subject, if it has one.
type eventSentence struct{ Before, About, Link, After string }

func (s eventSentence) String() string { return strings.TrimSpace(s.Before + s.About + s.After) }

// eventTexts are the sentences by action. {} is the name of the subject and {detail} the
// detail of the event. Every action of a workspace needs a sentence here.
var eventTexts = map[memo.Action]string{
	memo.ActionKeyCreated:     "created the key {}",
	memo.ActionKeyChanged:     "changed the key {}",
	memo.ActionKeyRotated:     "rotated a key; the replacement is {}",
	memo.ActionKeyRevoked:     "revoked the key {}",
	memo.ActionKeyDeactivated: "deactivated the key {}: {detail}",
	memo.ActionKeyExposed:     "marked the key {} as exposed: {detail}",

	memo.ActionMemberAdded:   "added {} as {detail}",
	memo.ActionRoleChanged:   "changed the role of {} to {detail}",
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

	memo.ActionDownloaded:   "downloaded {} as {detail}",
	memo.ActionSignInFailed: "refused a sign-in as {}: {detail}",
}

// selfEventTexts replace those of [eventTexts] if the actor is also the subject.
var selfEventTexts = map[memo.Action]string{
	memo.ActionMemberAdded:   "joined as {detail}",
	memo.ActionRoleChanged:   "changed their own role to {detail}",
	memo.ActionMemberRemoved: "left the workspace",
}

// describe returns the sentence of an event.
func (v *pageRequest) describe(e memo.AuditEvent) (s eventSentence) {
	words, ok := eventTexts[e.Action]
	switch {
	case !ok:
		return eventSentence{Before: string(e.Action) + " " + e.Details.String()}
	case string(e.ActorID) == e.Subject:
		words = cmp.Or(selfEventTexts[e.Action], words)
	case e.Action == memo.ActionProjectChanged && e.Details == (memo.EventDetails{}):
		words = "removed {} from its project"
	}
	s.Before, s.After, ok = strings.Cut(words, "{}")
	s.Before, s.After = strings.ReplaceAll(s.Before, "{detail}", e.Details.String()),
		strings.ReplaceAll(s.After, "{detail}", e.Details.String())
	if !ok {
		return s
	}
	s.About = cmp.Or(e.Name, "(unnamed)")
	switch noun := e.Action.Noun(); {
	case noun == "key":
		s.Link = v.keysPath() + "/" + e.Subject
	case noun == "transcription" && e.Action != memo.ActionDeleted && !strings.Contains(e.Subject, " "):
		// A download of several has their ids, separated by spaces.
		s.Link = "/w/" + v.WorkspaceID + "/transcriptions/" + e.Subject
	}
	return s
}
