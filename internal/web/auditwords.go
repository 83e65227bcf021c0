package web

import (
	"strings"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
)

// deed is what somebody did, behind their name: what it is about stands
// between the two parts, and may have a page.
type deed struct{ Before, About, Link, After string }

func (s deed) String() string { return strings.TrimSpace(s.Before + s.About + s.After) }

// said are the sentences by action. {} is what it is about, {detail} is what the
// trail noted. A new action of a workspace needs its line here.
var said = map[memo.Action]string{
	memo.ActionKeyCreated:     "created the key {}",
	memo.ActionKeyChanged:     "changed the key {}",
	memo.ActionKeyRotated:     "rotated a key: {} takes its place",
	memo.ActionKeyRevoked:     "revoked the key {}",
	memo.ActionKeyDeactivated: "deactivated the key {}: {detail}",
	memo.ActionKeyExposed:     "found the key {} exposed: {detail}",

	memo.ActionMemberAdded:   "added {} as {detail}",
	memo.ActionMemberRole:    "gave {} the role {detail}",
	memo.ActionMemberRemoved: "removed {}",
	memo.ActionInvited:       "made an invitation to join as {detail}",
	memo.ActionInviteRevoked: "took an invitation back",

	memo.ActionWorkspaceCreated: "created the workspace {detail}",
	memo.ActionWorkspaceRenamed: "renamed the workspace to {detail}",
	memo.ActionPlanChanged:      "set the plan to {detail}",

	memo.ActionImported: "imported {}",
	memo.ActionRetitled: "renamed a transcription to {}",
	memo.ActionMoved:    "moved {}",
	memo.ActionDeleted:  "deleted {}",
}

// ofThemselves are those of [said] that read otherwise where a member did it to
// themselves.
var ofThemselves = map[memo.Action]string{
	memo.ActionMemberAdded:   "joined as {detail}",
	memo.ActionMemberRole:    "took the role {detail}",
	memo.ActionMemberRemoved: "left the workspace",
}

// names tells what the events of a workspace are about. It asks for what it does
// not know when it is needed, once.
type names struct {
	v       *visit
	members []memo.Member
	people  map[string]string // by user id
	keys    map[string]string // by id, nil before the first is asked for
}

func (v *visit) names() (*names, error) {
	members, err := v.App.Members(v.ctx, v.WorkspaceID)
	n := &names{v: v, members: members, people: map[string]string{}}
	for _, m := range members {
		n.people[m.UserID] = m.Email
	}
	return n, err
}

// choices offers the members as a filter, with one who has left where they are chosen.
func (n *names) choices(chosen string) (cs []choice, err error) {
	cs = []choice{{Value: "", Label: "Everybody", Chosen: chosen == ""}}
	found := chosen == ""
	for _, m := range n.members {
		found = found || m.UserID == chosen
		cs = append(cs, choice{m.UserID, m.Name + " (" + m.Email + ")", m.UserID == chosen})
	}
	if !found {
		var label string
		label, err = n.person(chosen)
		cs = append(cs, choice{chosen, label, true})
	}
	return cs, err
}

// person is the e-mail of a user. Of one who has left, only what they did
// themselves still tells it: the trail keeps it with each event.
func (n *names) person(id string) (string, error) {
	if name, ok := n.people[id]; ok {
		return name, nil
	}
	name := "a former member"
	did, err := n.v.App.Events(n.v.ctx, n.v.Caller, app.Trail{ActorID: id, Limit: 1})
	if len(did) > 0 {
		name = did[0].Actor
	}
	n.people[id] = name
	return name, err
}

func (n *names) key(id string) (string, error) {
	if n.keys == nil {
		keys, err := n.v.App.ListKeys(n.v.ctx, n.v.Caller, "")
		if err != nil {
			return "", err
		}
		n.keys = map[string]string{}
		for _, k := range keys {
			n.keys[k.ID] = k.Name
		}
	}
	return n.keys[id], nil
}

// deed says an event.
func (n *names) deed(e memo.Event) (s deed, err error) {
	words, ok := said[e.Action]
	if own := ofThemselves[e.Action]; own != "" && string(e.ActorID) == e.Subject {
		words = own
	}
	if !ok {
		return deed{Before: string(e.Action) + " " + e.Detail}, nil
	}
	subject, _, _ := strings.Cut(string(e.Action), ".")
	s.Before, s.After, ok = strings.Cut(words, "{}")
	s.Before, s.After = strings.ReplaceAll(s.Before, "{detail}", e.Detail), strings.ReplaceAll(s.After, "{detail}", e.Detail)
	if !ok {
		return s, nil
	}
	switch subject {
	case "key":
		s.Link = n.v.keysPath() + "/" + e.Subject
		if s.About = e.Detail; strings.Contains(words, "{detail}") { // the detail is no name here
			s.About, err = n.key(e.Subject)
		}
	case "member":
		if s.About = e.Detail; e.Action != memo.ActionMemberRemoved {
			s.About, err = n.person(e.Subject)
		}
	case "transcription":
		s.About = strings.TrimSuffix(e.Detail, " → ")
		if s.About != e.Detail {
			s.After = " out of its project"
		}
		if e.Action != memo.ActionDeleted {
			s.Link = "/w/" + n.v.WorkspaceID + "/transcriptions/" + e.Subject
		}
	}
	return s, err
}
