package web

import (
	"cmp"
	"strings"

	"memoai.tech/memo"
)

// eventPart is a part of the sentence of an audit event: words, or a name, which may be a link.
type eventPart struct {
	Text, Link string
	Name       bool
}

// eventSentence is the sentence of an audit event, without the actor.
type eventSentence []eventPart

func (s eventSentence) String() string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.Text)
	}
	return strings.TrimSpace(b.String())
}

// eventTexts are the sentences by action. {} is the name of the subject and {detail} the
// detail of the event. Every action of a workspace needs a sentence here.
var eventTexts = map[memo.Action]string{
	memo.ActionKeyCreated:      "created the key {}",
	memo.ActionKeyChanged:      "changed the key {}",
	memo.ActionKeyRotated:      "rotated a key; the replacement is {}",
	memo.ActionKeyRevoked:      "revoked the key {}",
	memo.ActionAppConnected:    "connected the app {}",
	memo.ActionAppChanged:      "changed the connection of the app {}",
	memo.ActionAppDisconnected: "disconnected the app {}",
	memo.ActionAppDeactivated:  "disconnected the app {}: {detail}",
	memo.ActionAppReplayed:     "disconnected the app {}: {detail}",
	memo.ActionKeyDeactivated:  "deactivated the key {}: {detail}",
	memo.ActionKeyExposed:      "marked the key {} as exposed: {detail}",

	memo.ActionMemberAdded:   "added {} as {detail}",
	memo.ActionRoleChanged:   "changed the role of {} to {detail}",
	memo.ActionMemberRemoved: "removed {}",
	memo.ActionInviteCreated: "invited {} as {detail}",
	memo.ActionInviteRevoked: "revoked an invitation",

	memo.ActionPasswordLinkCreated: "created a link for a new password of {}",
	memo.ActionPasswordLinkUsed:    "set a new password with a link",
	memo.ActionWebhookCreated:      "added the webhook {}",
	memo.ActionWebhookChanged:      "changed the webhook {}",
	memo.ActionWebhookRotated:      "rotated the secret of the webhook {}",
	memo.ActionWebhookPaused:       "paused the webhook {}",
	memo.ActionWebhookResumed:      "resumed the webhook {}",
	memo.ActionWebhookTested:       "sent a test event to the webhook {}",
	memo.ActionWebhookResent:       "sent an event to the webhook {} again",
	memo.ActionWebhookDeleted:      "deleted the webhook {}",

	memo.ActionWorkspaceCreated: "created the workspace {detail}",
	memo.ActionWorkspaceRenamed: "renamed the workspace to {detail}",
	memo.ActionPlanChanged:      "changed the plan to {detail}",
	memo.ActionKeyPolicyChanged: "changed the key policy: {detail}",

	memo.ActionImported:        "imported {}",
	memo.ActionTitleChanged:    "renamed a transcription to {}",
	memo.ActionDateChanged:     "changed the date of {} to {detail}",
	memo.ActionLanguageChanged: "changed the language of {} to {detail}",
	memo.ActionProjectChanged:  "moved {} to the project {detail}",
	memo.ActionSpeakerRenamed:  "renamed a speaker of {}: {detail}",
	memo.ActionDeleted:         "deleted {}",

	memo.ActionProjectRenamed: "renamed the project {} to {detail}",
	memo.ActionProjectDeleted: "deleted the project {}; its transcriptions have no project",

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
		words = string(e.Action) + " {detail}"
	case string(e.ActorID) == e.Subject:
		words = cmp.Or(selfEventTexts[e.Action], words)
	case e.Action == memo.ActionProjectChanged && e.Details == (memo.EventDetails{}):
		words = "removed {} from its project"
	case e.Action == memo.ActionLanguageChanged && e.Details == (memo.EventDetails{}):
		words = "removed the language of {}"
	case e.Action == memo.ActionTitleChanged && e.Details.Before != "":
		words = "renamed {detail} to {}"
	case e.Action == memo.ActionImported && e.Details.Source != "":
		words = "imported {}: {detail}"
	case e.Action == memo.ActionWebhookPaused && e.Details.Reason != "":
		words = "paused the webhook {}: {detail}"
	case e.Action == memo.ActionInviteCreated && e.Name == "":
		words = "created an invitation to join as {detail}"
	}
	for words = " " + words; words != ""; {
		before, rest, found := strings.Cut(words, "{")
		s = append(s, eventPart{Text: before})
		if !found {
			break
		}
		var field string
		field, words, _ = strings.Cut(rest, "}")
		if field == "detail" {
			s = append(s, eventPart{Text: detailOf(e), Name: true})
		} else {
			s = append(s, eventPart{Text: cmp.Or(e.Name, "(unnamed)"), Link: v.subjectPath(e), Name: true})
		}
	}
	return s
}

// detailOf returns the details of an event as text, with the role in prose.
func detailOf(e memo.AuditEvent) string {
	text := e.Details.String()
	if role := e.Details.Role; role != "" {
		text = roleName(role) + strings.TrimPrefix(text, string(role))
	}
	return text
}

// subjectPath returns the path of the page of an event's subject, or "".
func (v *pageRequest) subjectPath(e memo.AuditEvent) string {
	switch noun := e.Action.Noun(); {
	case noun == "key":
		return v.keysPath() + "/" + e.Subject
	case noun == "transcription" && e.Action != memo.ActionDeleted && !strings.Contains(e.Subject, " "):
		// A download of several has their ids, separated by spaces.
		return "/w/" + v.WorkspaceID + "/transcriptions/" + e.Subject
	}
	return ""
}
