package app_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/testenv"
	"memoai.tech/memo/internal/transcript"
)

// callerKinds are the columns of [useCases].
var callerKinds = []string{"zero", "key", "member", "owner", "stranger", "disabled", "operator"}

// withoutCaller has the methods of App that take no caller, each with the reason.
var withoutCaller = map[string]string{
	"AuthoriseKey":     "makes a caller from a key",
	"AuthoriseSession": "makes a caller from a session",
	"AuthoriseUser":    "makes a caller from a session",
	"SignIn":           "makes a session from a password",
	"InviteByToken":    "the token of the invitation is the proof",
	"SignUpWithInvite": "the token of the invitation is the proof",

	"PasswordLinkByToken": "the token of the link is the proof",
	"SetPasswordWithLink": "the token of the link is the proof",

	"RedeemCode":        "the code is the proof",
	"RefreshApp":        "the token is the proof",
	"DisconnectByToken": "the token is the proof",
	"TakeRegistration":  "limits registrations, which store nothing",
	"IsSetUp":           "reveals only whether there are users",
	"SetUp":             "works once, before there are users; the web app asks for the set-up code",
	"TakeSetupAttempt":  "limits attempts before there are users",
	"MarkExposed":       "the request is refused; the key is the proof",
	"Run":               "the server's background work",
	"FlushUsage":        "the server's background work",
	"CheckReady":        "state of the process",
	"IsDatabaseSlow":    "state of the process",
	"IsEmbedded":        "state of the process",
	"Limit":             "state of the process",
	"Work":              "state of the process",
}

// useCases has a call of every other method, on objects of the workspace Acme. Each call
// creates what it needs, so that none depends on another.
var useCases = map[string]func(s *scene, c memo.Caller) error{
	"Account":      func(s *scene, c memo.Caller) error { return errOf(s.Account(s.ctx, c)) },
	"RenameUser":   func(s *scene, c memo.Caller) error { return s.RenameUser(s.ctx, c, "Somebody") },
	"CountOwnKeys": func(s *scene, c memo.Caller) error { return errOf(s.CountOwnKeys(s.ctx, c)) },
	"ChangePassword": func(s *scene, c memo.Caller) error {
		return s.ChangePassword(s.ctx, c, "a wrong password", "correct horse battery", false)
	},
	"SetPassword": func(s *scene, c memo.Caller) error {
		c.UserID = s.anotherUser()
		return s.SetPassword(s.ctx, c, "correct horse battery")
	},
	"CreatePasswordLink": func(s *scene, c memo.Caller) error {
		c.WorkspaceID = s.workspace.ID
		_, _, err := s.CreatePasswordLink(s.ctx, c, s.anotherMember())
		return err
	},
	"Memberships": func(s *scene, c memo.Caller) error { return errOf(s.Memberships(s.ctx, c)) },
	"Sessions":    func(s *scene, c memo.Caller) error { return errOf(s.Sessions(s.ctx, c)) },
	"RevokeSession": func(s *scene, c memo.Caller) error {
		return s.RevokeSession(s.ctx, c, s.sessionOf(c))
	},
	"SignOutElsewhere": func(s *scene, c memo.Caller) error { return s.SignOutElsewhere(s.ctx, c) },
	"SignOutEverywhere": func(s *scene, c memo.Caller) error {
		if c.SessionID != "" && c.UserID != s.disabled.ID {
			c = s.signIn(c.UserID, c.WorkspaceID)
			defer s.renew()
		}
		return s.SignOutEverywhere(s.ctx, c)
	},

	"AddUser": func(s *scene, c memo.Caller) error {
		return errOf(s.AddUser(s.ctx, c, s.unique()+"@example.com", "Somebody", ""))
	},
	"Users": func(s *scene, c memo.Caller) error { return errOf(s.Users(s.ctx, c)) },
	"UserByEmail": func(s *scene, c memo.Caller) error {
		return errOf(s.UserByEmail(s.ctx, c, "olga@example.com"))
	},
	"DeleteUser": func(s *scene, c memo.Caller) error { return s.DeleteUser(s.ctx, c, s.anotherUser()) },
	"DeleteWorkspace": func(s *scene, c memo.Caller) error {
		return s.DeleteWorkspace(s.ctx, c, s.addWorkspace(s.unique(), s.owner).ID)
	},
	"DisableUser": func(s *scene, c memo.Caller) error { return s.DisableUser(s.ctx, c, s.anotherUser()) },
	"EnableUser":  func(s *scene, c memo.Caller) error { return s.EnableUser(s.ctx, c, s.anotherUser()) },
	"AddWorkspace": func(s *scene, c memo.Caller) error {
		return errOf(s.AddWorkspace(s.ctx, c, s.unique(), memo.PlanFree, s.member.ID))
	},
	"Workspaces":    func(s *scene, c memo.Caller) error { return errOf(s.Workspaces(s.ctx, c)) },
	"FindWorkspace": func(s *scene, c memo.Caller) error { return errOf(s.FindWorkspace(s.ctx, c, "Acme")) },
	"SetPlan": func(s *scene, c memo.Caller) error {
		return s.SetPlan(s.ctx, c, s.workspace.ID, memo.PlanPro)
	},
	"RenameWorkspace": func(s *scene, c memo.Caller) error {
		c.WorkspaceID = s.workspace.ID
		return s.RenameWorkspace(s.ctx, c, "Acme")
	},

	"Members": func(s *scene, c memo.Caller) error { return errOf(s.Members(s.ctx, c, s.workspace.ID)) },
	"AddMember": func(s *scene, c memo.Caller) error {
		return errOf(s.AddMember(s.ctx, c, s.workspace.ID, s.anotherUser(), memo.RoleMember))
	},
	"RemoveMember": func(s *scene, c memo.Caller) error {
		return s.RemoveMember(s.ctx, c, s.workspace.ID, s.anotherMember())
	},
	"SetRole": func(s *scene, c memo.Caller) error {
		return errOf(s.SetRole(s.ctx, c, s.workspace.ID, s.anotherMember(), memo.RoleMember))
	},
	"Invite": func(s *scene, c memo.Caller) error {
		c.WorkspaceID = s.workspace.ID
		_, _, err := s.App.Invite(s.ctx, c, memo.RoleMember, "")
		return err
	},
	"Webhooks": func(s *scene, c memo.Caller) error {
		return errOf(s.Webhooks(s.ctx, c))
	},
	"Webhook": func(s *scene, c memo.Caller) error {
		return errOf(s.Webhook(s.ctx, c, s.webhook()))
	},
	"AddWebhook": func(s *scene, c memo.Caller) error {
		return errOf(s.AddWebhook(s.ctx, c, "https://example.com", []memo.EventType{memo.EventKeyCreated}))
	},
	"ChangeWebhook": func(s *scene, c memo.Caller) error {
		return errOf(s.ChangeWebhook(s.ctx, c, s.webhook(), app.WebhookChange{Paused: new(true)}))
	},
	"RotateWebhook": func(s *scene, c memo.Caller) error {
		return errOf(s.RotateWebhook(s.ctx, c, s.webhook()))
	},
	"DeleteWebhook": func(s *scene, c memo.Caller) error {
		return s.DeleteWebhook(s.ctx, c, s.webhook())
	},
	"TestWebhook": func(s *scene, c memo.Caller) error {
		return errOf(s.TestWebhook(s.ctx, c, s.webhook()))
	},
	"Deliveries": func(s *scene, c memo.Caller) error {
		return errOf(s.Deliveries(s.ctx, c, s.webhook(), "", 1))
	},
	"ResendDelivery": func(s *scene, c memo.Caller) error {
		id := s.webhook()
		d, err := s.TestWebhook(s.ctx, s.callers["operator"], id)
		must(s.t, 0, err)
		return errOf(s.ResendDelivery(s.ctx, c, id, d.ID))
	},
	"Invites": func(s *scene, c memo.Caller) error {
		return errOf(s.Invites(s.ctx, c))
	},
	"RevokeInvite": func(s *scene, c memo.Caller) error {
		i, _, err := s.App.Invite(s.ctx, s.callers["owner"], memo.RoleMember, "")
		must(s.t, 0, err)
		c.WorkspaceID = s.workspace.ID
		return s.RevokeInvite(s.ctx, c, i.ID)
	},
	"AcceptInvite": func(s *scene, c memo.Caller) error {
		w, err := s.AddWorkspace(s.ctx, theOperator, s.unique(), memo.PlanFree, s.owner.ID)
		must(s.t, 0, err)
		owner := s.callers["owner"]
		owner.WorkspaceID = w.ID
		_, token, err := s.App.Invite(s.ctx, owner, memo.RoleMember, "")
		must(s.t, 0, err)
		return errOf(s.AcceptInvite(s.ctx, c, token))
	},
	"Events": func(s *scene, c memo.Caller) error { return errOf(s.Events(s.ctx, c, app.EventQuery{Limit: 1})) },

	"AllowApp": func(s *scene, c memo.Caller) error {
		return errOf(s.AllowApp(s.ctx, c, app.Consent{Client: memo.Client{ID: "c", Name: "App"}}))
	},
	"CreateKey": func(s *scene, c memo.Caller) error {
		return errOf(s.CreateKey(s.ctx, c, app.KeyRequest{Name: "new"}))
	},
	"RotateKey": func(s *scene, c memo.Caller) error {
		return errOf(s.RotateKey(s.ctx, c, s.memberKey(), "", nil))
	},
	"ChangeKey": func(s *scene, c memo.Caller) error {
		name := "renamed"
		return errOf(s.ChangeKey(s.ctx, c, s.memberKey(), app.KeyChange{Name: &name}))
	},
	"RevokeKey":    func(s *scene, c memo.Caller) error { return s.RevokeKey(s.ctx, c, s.memberKey()) },
	"GetKey":       func(s *scene, c memo.Caller) error { return errOf(s.GetKey(s.ctx, c, s.memberKey())) },
	"ListKeys":     func(s *scene, c memo.Caller) error { return errOf(s.ListKeys(s.ctx, c, app.KeyQuery{Limit: 1})) },
	"KeysByOffset": func(s *scene, c memo.Caller) error { return errOf(s.KeysByOffset(s.ctx, c, app.KeyOffsetQuery{})) },
	"Replacements": func(s *scene, c memo.Caller) error { return errOf(s.Replacements(s.ctx, c, nil)) },
	"FirstSteps": func(s *scene, c memo.Caller) error {
		_, _, err := s.FirstSteps(s.ctx, c)
		return err
	},
	"Overview":    func(s *scene, c memo.Caller) error { return errOf(s.Overview(s.ctx, c)) },
	"KeyCreators": func(s *scene, c memo.Caller) error { return errOf(s.KeyCreators(s.ctx, c)) },
	"KeyCounts":   func(s *scene, c memo.Caller) error { return errOf(s.KeyCounts(s.ctx, c)) },
	"Usage":       func(s *scene, c memo.Caller) error { return errOf(s.Usage(s.ctx, c, app.UsageDay)) },
	"UsageOf": func(s *scene, c memo.Caller) error {
		return errOf(s.UsageOf(s.ctx, c, []memo.KeyView{{ID: s.memberKey()}}, app.UsageDay))
	},

	"Me":               func(s *scene, c memo.Caller) error { return errOf(s.Me(s.ctx, c)) },
	"NoteUncountedUse": func(s *scene, c memo.Caller) error { s.NoteUncountedUse(s.ctx, c); return nil },
	"KeyPolicy":        func(s *scene, c memo.Caller) error { return errOf(s.KeyPolicy(s.ctx, c)) },
	"SetKeyPolicy": func(s *scene, c memo.Caller) error {
		c.WorkspaceID = s.workspace.ID
		return errOf(s.SetKeyPolicy(s.ctx, c, memo.KeyPolicy{}))
	},
	"RequirePermission": func(s *scene, c memo.Caller) error {
		return s.RequirePermission(s.ctx, c, memo.PermissionREST)
	},
	"RefuseManagement": func(s *scene, c memo.Caller) error { return s.RefuseManagement(s.ctx, c) },
	"TakeLimit":        func(s *scene, c memo.Caller) error { return errOf(s.TakeLimit(s.ctx, c, ratelimit.Data)) },
	"Transcriptions": func(s *scene, c memo.Caller) error {
		return errOf(s.Transcriptions(s.ctx, c, app.ListQuery{Limit: 1}))
	},
	"Transcription":        func(s *scene, c memo.Caller) error { return errOf(s.Transcription(s.ctx, c, s.meeting)) },
	"Text":                 func(s *scene, c memo.Caller) error { return errOf(s.Text(s.ctx, c, s.meeting)) },
	"Reports":              func(s *scene, c memo.Caller) error { return errOf(s.Reports(s.ctx, c, s.meeting)) },
	"RequireTranscription": func(s *scene, c memo.Caller) error { return s.RequireTranscription(s.ctx, c, s.meeting) },
	"Speakers":             func(s *scene, c memo.Caller) error { return errOf(s.Speakers(s.ctx, c)) },
	"Languages":            func(s *scene, c memo.Caller) error { return errOf(s.Languages(s.ctx, c)) },
	"ProjectNames":         func(s *scene, c memo.Caller) error { return errOf(s.ProjectNames(s.ctx, c)) },
	"Changes":              func(s *scene, c memo.Caller) error { return errOf(s.Changes(s.ctx, c, "", 1)) },
	"FindProject": func(s *scene, c memo.Caller) error {
		id := s.anotherProject()
		c.WorkspaceID = s.workspace.ID
		return errOf(s.FindProject(s.ctx, c, id))
	},
	"RenameProject": func(s *scene, c memo.Caller) error {
		id := s.anotherProject()
		c.WorkspaceID = s.workspace.ID
		return errOf(s.RenameProject(s.ctx, c, id, s.unique()))
	},
	"DeleteProject": func(s *scene, c memo.Caller) error {
		id := s.anotherProject()
		c.WorkspaceID = s.workspace.ID
		return errOf(s.DeleteProject(s.ctx, c, id))
	},
	"Projects": func(s *scene, c memo.Caller) error {
		_, _, err := s.Projects(s.ctx, c, 1, 0)
		return err
	},
	"Export": func(s *scene, c memo.Caller) error {
		return errOf(s.Export(s.ctx, c, s.meeting, transcript.Text))
	},
	"PrepareArchive": func(s *scene, c memo.Caller) error {
		return errOf(s.PrepareArchive(s.ctx, c, []string{s.meeting}, transcript.Text))
	},
	"PrepareListArchive": func(s *scene, c memo.Caller) error {
		return errOf(s.PrepareListArchive(s.ctx, c, app.ListQuery{Status: memo.StatusCompleted}, transcript.Text))
	},
	"RecordDownload": func(s *scene, c memo.Caller) error {
		file, err := s.Export(s.ctx, s.callers["owner"], s.meeting, transcript.Text)
		must(s.t, 0, err)
		archive, err := s.PrepareArchive(s.ctx, s.callers["owner"], []string{s.meeting}, transcript.Text)
		must(s.t, 0, err)
		if err := s.recorded(func() { s.RecordDownload(s.ctx, c, archive) }); err != nil {
			return err
		}
		return s.recorded(func() { s.RecordDownload(s.ctx, c, file) })
	},

	"MayChangeTranscription": func(s *scene, c memo.Caller) error {
		return errOf(s.MayChangeTranscription(s.ctx, c, s.meeting))
	},
	"ChooseFile": func(s *scene, c memo.Caller) error { return errOf(s.ChooseFile(s.ctx, c, nil)) },
	"ChangeDetails": func(s *scene, c memo.Caller) error {
		return errOf(s.ChangeDetails(s.ctx, c, s.meeting, app.Details{Title: new(s.unique())}))
	},
	"LastRename": func(s *scene, c memo.Caller) error {
		_, _, err := s.LastRename(s.ctx, c, s.meeting, memo.ActionTitleChanged)
		return err
	},
	"RenameSpeaker": func(s *scene, c memo.Caller) error {
		in, err := s.Import(s.ctx, s.as(s.member), app.ImportFile{Name: "s.txt", Data: []byte("Ann: " + s.unique())})
		return errOf(s.RenameSpeaker(s.ctx, c, must(s.t, in, err).ID, "Ann", "Ben"))
	},
	"DeleteTranscription": func(s *scene, c memo.Caller) error {
		return s.DeleteTranscription(s.ctx, c, s.importAsMember())
	},
	"Import": func(s *scene, c memo.Caller) error {
		return errOf(s.Import(s.ctx, c, app.ImportFile{Name: "a.txt", Data: []byte(s.unique())}))
	},
	"ImportBatch": func(s *scene, c memo.Caller) error {
		return errOf(s.ImportBatch(s.ctx, c, []app.ImportFile{{Name: "a.txt", Data: []byte(s.unique())}}))
	},
	"StartUpload": func(s *scene, c memo.Caller) error {
		leave, err := s.StartUpload(s.ctx, c, 1)
		if err == nil {
			leave()
		}
		return err
	},
}

// scene is a world with a caller of each kind.
type scene struct {
	*world
	stranger, disabled memo.User
	other              memo.Workspace
	callers            map[string]memo.Caller
	meeting            string // imported by the member
	n                  int
}

func newScene(w *world) *scene {
	s := &scene{world: w, stranger: w.user("eve@example.com"), disabled: w.user("dan@example.com")}
	s.other = w.addWorkspace("Other", s.stranger)
	w.join(w.workspace, s.disabled, memo.RoleMember)
	key, _ := w.key(w.member, "the caller's")
	byKey, err := w.AuthoriseKey(w.ctx, key, app.Client{}, memo.PermissionREST)
	must(w.t, 0, err)
	stale := s.signIn(s.disabled.ID, w.workspace.ID)
	must(w.t, 0, w.DisableUser(w.ctx, theOperator, s.disabled.ID))
	s.callers = map[string]memo.Caller{
		"zero": {}, "key": byKey, "disabled": stale,
		"operator": {Operator: true, UserID: w.member.ID, WorkspaceID: w.workspace.ID},
	}
	s.renew()
	s.meeting = s.importAsMember()
	return s
}

// renew signs the member, the OWNER and the stranger in again.
func (s *scene) renew() {
	s.callers["member"] = s.signIn(s.member.ID, s.workspace.ID)
	s.callers["owner"] = s.signIn(s.owner.ID, s.workspace.ID)
	s.callers["stranger"] = s.signIn(s.stranger.ID, s.other.ID)
}

// webhook creates a webhook in Acme, without those that exist, and returns its id.
func (s *scene) webhook() string {
	s.t.Helper()
	operator := s.callers["operator"]
	all, err := s.Webhooks(s.ctx, operator)
	for _, w := range must(s.t, all, err) {
		must(s.t, 0, s.DeleteWebhook(s.ctx, operator, w.ID))
	}
	w, err := s.AddWebhook(s.ctx, operator, "https://example.com", []memo.EventType{memo.EventKeyCreated})
	return must(s.t, w, err).ID
}

func (s *scene) signIn(userID, workspaceID string) memo.Caller {
	s.t.Helper()
	u, err := s.store.User(s.ctx, userID)
	must(s.t, 0, err)
	token, _, _, err := s.SignIn(s.ctx, app.SignIn{Email: u.Email, Password: testenv.Password}, at("192.0.2.1"))
	must(s.t, 0, err)
	c, err := s.AuthoriseSession(s.ctx, token, workspaceID, app.Client{})
	return must(s.t, c, err)
}

func (s *scene) unique() string { s.n++; return fmt.Sprint("name", s.n) }

func (s *scene) anotherUser() string { return s.user(s.unique() + "@example.com").ID }

func (s *scene) anotherMember() string {
	u := s.user(s.unique() + "@example.com")
	s.join(s.workspace, u, memo.RoleMember)
	return u.ID
}

// anotherProject adds a project with the member's meeting, which leaves the one before.
func (s *scene) anotherProject() string {
	s.t.Helper()
	name := s.unique()
	_, err := s.ChangeDetails(s.ctx, s.as(s.member), s.meeting, app.Details{Project: &name})
	must(s.t, 0, err)
	p, err := s.store.Project(s.ctx, s.workspace.ID, name)
	return must(s.t, p, err).ID
}

func (s *scene) memberKey() string {
	k, err := s.CreateKey(s.ctx, s.as(s.member), app.KeyRequest{Name: s.unique()})
	return must(s.t, k, err).ID
}

func (s *scene) importAsMember() string {
	r, err := s.Import(s.ctx, s.as(s.member), app.ImportFile{Name: "m.txt", Data: []byte("What was said, " + s.unique())})
	return must(s.t, r, err).ID
}

// sessionOf returns another session of the caller's user, or of the member.
func (s *scene) sessionOf(c memo.Caller) string {
	if c.UserID == "" || c.UserID == s.disabled.ID {
		c = s.callers["member"]
	}
	return s.signIn(c.UserID, c.WorkspaceID).SessionID
}

// recorded returns an error unless f adds an event.
func (s *scene) recorded(f func()) error {
	count := func() int {
		events, err := s.Events(s.ctx, s.callers["operator"], app.EventQuery{Limit: 1000})
		return len(must(s.t, events, err))
	}
	before := count()
	if f(); count() == before {
		return &memo.Error{Code: "not_recorded"}
	}
	return nil
}

// outcomes is what each kind of caller gets from each use case, in the order of
// [callerKinds]: "ok" or the code of the refusal, shortened: "operator", "owner" and "key"
// mean that only these may call, "no_key" that an API key may not, and "sign_in" that the
// caller must sign in. A caller whose user was disabled after authorisation can still read,
// but cannot change anything.
const outcomes = `
AcceptInvite           sign_in no_key ok already_member ok sign_in ok
Account                sign_in no_key ok ok ok ok ok
AddMember              owner owner owner ok owner owner ok
AddUser                operator operator operator operator operator operator ok
AddWebhook             owner owner owner ok ok owner ok
AddWorkspace           operator operator operator operator operator operator ok
AllowApp               sign_in no_key ok ok ok not_found ok
ChangeDetails          sign_in read_only ok ok not_found not_your_transcription ok
ChangeKey              sign_in no_key ok not_your_key not_found not_found ok
ChangePassword         sign_in no_key invalid invalid invalid invalid invalid
ChangeWebhook          owner owner owner ok not_found owner ok
ChooseFile             sign_in read_only ok ok ok ok ok
CountOwnKeys           sign_in no_key ok ok ok ok ok
CreateKey              sign_in no_key ok ok ok not_found ok
CreatePasswordLink     owner owner owner ok owner owner ok
DeleteProject          owner owner owner ok owner owner ok
DeleteTranscription    sign_in read_only ok ok not_found not_found ok
DeleteWebhook          owner owner owner ok not_found owner ok
Deliveries             owner owner owner ok not_found owner ok
DeleteUser             operator operator operator operator operator operator ok
DeleteWorkspace        operator operator operator operator operator operator ok
DisableUser            operator operator operator operator operator operator ok
EnableUser             operator operator operator operator operator operator ok
Events                 owner owner owner ok ok owner ok
Export                 sign_in ok ok ok not_found ok ok
FindProject            owner owner owner ok ok owner ok
FindWorkspace          operator operator operator operator operator operator ok
FirstSteps             owner owner owner ok ok owner ok
GetKey                 sign_in no_key ok ok not_found not_found ok
Import                 sign_in read_only ok ok ok not_found ok
ImportBatch            sign_in read_only ok ok ok not_found ok
Invite                 owner owner owner ok owner owner ok
Invites                owner owner owner ok ok owner ok
KeyCounts              sign_in no_key ok ok ok ok ok
KeyPolicy              sign_in no_key ok ok ok ok ok
KeyCreators            sign_in no_key ok ok ok ok ok
KeysByOffset           sign_in no_key ok ok ok ok ok
Languages              sign_in ok ok ok ok ok ok
LastRename             sign_in read_only ok ok ok ok ok
ListKeys               sign_in no_key ok ok ok ok ok
MayChangeTranscription sign_in no_key ok ok not_found ok ok
Me                     key ok key key key key key
Members                sign_in no_key ok ok not_found ok ok
Memberships            sign_in no_key ok ok ok ok ok
NoteUncountedUse       ok ok ok ok ok ok ok
Overview               sign_in no_key ok ok ok ok ok
PrepareArchive         sign_in ok ok ok transcriptions_not_found ok ok
PrepareListArchive     sign_in ok ok ok ok ok ok
ProjectNames           sign_in ok ok ok ok ok ok
Changes                sign_in ok ok ok ok ok ok
Projects               sign_in ok ok ok ok ok ok
RecordDownload         not_recorded not_recorded ok ok not_recorded ok ok
RefuseManagement       key no_key key key key key key
RemoveMember           owner owner owner ok owner owner ok
RenameProject          owner owner owner ok owner owner ok
RenameSpeaker          sign_in read_only ok ok not_found not_your_transcription ok
RenameUser             sign_in no_key ok ok ok sign_in ok
RenameWorkspace        owner owner owner ok owner owner ok
Replacements           sign_in no_key ok ok ok ok ok
Reports                sign_in ok ok ok not_found ok ok
RequirePermission      key ok key key key key key
RequireTranscription   sign_in ok ok ok not_found ok ok
ResendDelivery         owner owner owner ok not_found owner ok
RevokeInvite           owner owner owner ok owner owner ok
RevokeKey              sign_in no_key ok ok not_found not_found ok
RevokeSession          sign_in no_key ok ok ok not_found ok
RotateKey              sign_in no_key ok not_your_key not_found not_found ok
RotateWebhook          owner owner owner ok not_found owner ok
Sessions               sign_in no_key ok ok ok ok ok
SetKeyPolicy           owner owner owner ok owner owner ok
SetPassword            operator operator operator operator operator operator ok
SetPlan                operator operator operator operator operator operator ok
SetRole                owner owner owner ok owner owner ok
SignOutElsewhere       sign_in no_key ok ok ok sign_in ok
SignOutEverywhere      sign_in no_key ok ok ok sign_in ok
Speakers               sign_in ok ok ok ok ok ok
StartUpload            sign_in read_only ok ok ok ok ok
TakeLimit              sign_in ok ok ok ok ok ok
TestWebhook            owner owner owner ok not_found owner ok
Text                   sign_in ok ok ok not_found ok ok
Transcription          sign_in ok ok ok not_found ok ok
Transcriptions         sign_in ok ok ok ok ok ok
Usage                  sign_in no_key ok ok ok ok ok
UsageOf                sign_in no_key ok ok ok ok ok
UserByEmail            operator operator operator operator operator operator ok
Users                  operator operator operator operator operator operator ok
Webhook                owner owner owner ok not_found owner ok
Webhooks               owner owner owner ok ok owner ok
Workspaces             operator operator operator operator operator operator ok
`

func TestEveryUseCaseChecksItsCaller(t *testing.T) {
	want := map[string][]string{}
	for line := range strings.Lines(strings.TrimSpace(outcomes)) {
		fields := strings.Fields(line)
		want[fields[0]] = fields[1:]
	}
	methods := reflect.TypeFor[*app.App]()
	for m := range methods.Methods() {
		_, free := withoutCaller[m.Name]
		_, row := useCases[m.Name]
		takesCaller := m.Type.NumIn() > 2 && m.Type.In(2) == reflect.TypeFor[memo.Caller]()
		switch {
		case free && takesCaller:
			t.Errorf("App.%s takes a caller: give it a row in useCases and in outcomes", m.Name)
		case !free && !row:
			t.Errorf("App.%s has no row in useCases: say who may call it, check that in its first line, "+
				"and add its call and its outcomes here", m.Name)
		case !free && len(want[m.Name]) != len(callerKinds):
			t.Errorf("App.%s has no outcomes for %v", m.Name, callerKinds)
		}
	}
	onBoth(t, func(t *testing.T, w *world) {
		s := newScene(w)
		for m := range methods.Methods() {
			call := useCases[m.Name]
			if call == nil {
				continue
			}
			got := make([]string, len(callerKinds))
			for i, kind := range callerKinds {
				s.clock.add(time.Minute) // so that no limit is reached
				got[i] = outcomeOf(call(s, s.callers[kind]))
			}
			if !slices.Equal(got, want[m.Name]) {
				t.Errorf("%-22s %s\nwant %s", m.Name, strings.Join(got, " "), strings.Join(want[m.Name], " "))
			}
		}
	})
}

// shortCodes are the codes of refusals that [outcomes] shortens.
var shortCodes = map[string]string{
	"operator_required": "operator", "owner_required": "owner", "key_required": "key",
	"key_management_forbidden": "no_key", "not_signed_in": "sign_in",
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	e, ok := err.(*memo.Error)
	switch {
	case !ok:
		return strings.ReplaceAll(err.Error(), " ", "_")
	case shortCodes[e.Code] != "":
		return shortCodes[e.Code]
	case e.Code != "":
		return e.Code
	case e.Kind == memo.KindNotFound:
		return "not_found"
	case e.Kind == memo.KindInvalid:
		return "invalid"
	}
	return strings.ReplaceAll(e.Message, " ", "_")
}
