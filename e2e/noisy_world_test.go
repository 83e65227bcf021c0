package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// noisy is a workspace with a hostile member, another workspace, and the server of both.
type noisy struct {
	t      *testing.T
	home   installation
	server *server
	owner  *apiClient // signed in
	begin  time.Time

	hostile                         noisyMember
	web                             *apiClient // the hostile member, signed in
	removed, disabled, idleDisabled []noisyMember
	otherKey                        newKey // of the other workspace
	otherOwner                      string

	searchKeys, exportKeys, spare []newKey
	streamKey                     newKey

	talkID, large string   // ids of the transcription with many words and of the one with the largest text
	bulk          []string // ids
	upload        []byte   // a text of 30 MB

	stream      *exportResult
	streamEnded chan time.Time // receives when the revocation of its key was acknowledged
	cutBytes    int            // bytes of the stream that came after that

	me, ready, signIns, revocations, removals, disables, cuts measure

	endedKeys  endedKeys
	outcomesMu sync.Mutex
	outcomes   map[string]map[string]int // outcomes of the load, by operation
}

// noisyMember is a member of the noisy workspace.
type noisyMember struct {
	id, email string
	keys      []newKey
}

const smallTexts = 3000

// newNoisy creates both workspaces and starts the server.
func newNoisy(t *testing.T, p database) *noisy {
	n := &noisy{
		t: t, home: newInstallation(t, p), otherOwner: "other@example.com",
		streamEnded: make(chan time.Time, 1), outcomes: map[string]map[string]int{},
		me:          measure{name: "a call with a key of another workspace", bound: maxKeyCall, times: 10},
		ready:       measure{name: "/readyz", bound: maxReady, times: 10},
		signIns:     measure{name: "a sign-in of another user", bound: maxSignIn, times: 5},
		revocations: measure{name: "the revocation of a key by an owner", bound: maxEndAccess, times: 8},
		removals:    measure{name: "the removal of a member by an owner", bound: maxEndAccess, times: 4},
		disables:    measure{name: "the change of memo user disable", bound: maxEndAccess, times: 3},
		cuts:        measure{name: "the cut of a stream after the end of its key", bound: maxCut, times: 1},
	}
	n.endedKeys.at = map[string]time.Time{}
	addUser(t, p, n.otherOwner)
	w := cli[namedID](t, p, "workspace", "add", "--name", "Other", "--plan", "pro", "--owner", n.otherOwner)
	other := installation{p, w.ID, n.otherOwner}
	n.otherKey = other.newKey(t, "other")
	importText(t, other, "other.txt", "[00:01] Alex: Hello.\n")

	n.hostile = n.join("hostile")
	for range 4 {
		n.searchKeys = append(n.searchKeys, n.key(&n.hostile))
	}
	for range 2 {
		n.exportKeys = append(n.exportKeys, n.key(&n.hostile))
	}
	for range 6 {
		n.spare = append(n.spare, n.key(&n.hostile))
	}
	n.streamKey = n.key(&n.hostile)
	for i, people := range []*[]noisyMember{&n.removed, &n.disabled, &n.idleDisabled} {
		for j := range 3 {
			m := n.join(fmt.Sprintf("member%d%d", i, j))
			n.key(&m)
			*people = append(*people, m)
		}
	}
	begun := time.Now()
	n.fillNoisy()
	t.Logf("| the imports before the load | %.1f s |", time.Since(begun).Seconds())
	n.server = start(t, p)
	n.owner = n.server.signIn(t, n.home.owner)
	n.web = n.server.signIn(t, n.hostile.email)
	n.talkID = n.importTalk() // imported by the hostile member, who may then change its title
	return n
}

func (n *noisy) join(name string) noisyMember {
	m := noisyMember{email: name + "@example.com"}
	m.id = addUser(n.t, n.home.database, m.email).ID
	cli[namedID](n.t, n.home.database, "member", "add", n.home.workspace, m.email)
	return m
}

func (n *noisy) key(m *noisyMember) newKey {
	k := cli[newKey](n.t, n.home.database, "key", "create", "--workspace", n.home.workspace, "--member", m.email,
		"--name", "of "+m.email)
	m.keys = append(m.keys, k)
	return k
}

// fillNoisy imports many small texts with common words, a text of 29 MB, and the
// transcriptions of the bulk export.
func (n *noisy) fillNoisy() {
	t := n.t
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	for i := range smallTexts {
		text := randomTranscript(random, 1200, func() string {
			if random.IntN(8) == 0 {
				return commonWords[random.IntN(len(commonWords))]
			}
			return "word" + strconv.Itoa(random.IntN(3000))
		})
		name := fmt.Sprintf("2025-%02d-%02d call %d.txt", 1+i%12, 1+i%28, i)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := cli[imported](t, n.home.database, "import", "--workspace", n.home.workspace, dir)
	if len(r.Imported) != smallTexts {
		t.Fatalf("%d of %d texts were imported", len(r.Imported), smallTexts)
	}
	few := func() string { return "talk" + strconv.Itoa(random.IntN(500)) }
	n.large = importText(t, n.home, "large.txt", string(randomTranscript(random, 29<<20, few)))
	n.bulk = fillWorkspace(t, n.home, 100, 160<<10) // far larger than the buffers between server and client
	many := func() string { return "w" + strconv.Itoa(random.IntN(200_000)) }
	n.upload = randomTranscript(random, 30<<20, many)
}

// importTalk imports a transcript of 10 MB with many different words as the hostile
// member, and returns its id.
func (n *noisy) importTalk() string {
	text := n.upload[:bytes.LastIndexByte(n.upload[:10<<20], '\n')]
	for range 5 { // a busy PostgreSQL may be too slow for one attempt
		resp, err := n.post(n.t.Context(), "talk", text)
		if err != nil {
			n.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case err == nil && resp.StatusCode == http.StatusOK:
			return decode[namedID](n.t, response{body: body}).ID
		case err != nil || resp.StatusCode != http.StatusServiceUnavailable:
			n.t.Fatalf("import: %d %s %v", resp.StatusCode, body, err)
		}
		time.Sleep(time.Second)
	}
	n.t.Fatal("the import of the transcript was refused five times")
	return ""
}

var commonWords = []string{"meeting", "budget", "pricing", "project", "team", "please", "today"}

// randomTranscript makes a transcript of about size bytes, in lines of about 160.
func randomTranscript(random *rand.Rand, size int, word func() string) []byte {
	var b bytes.Buffer
	b.Grow(size + 200)
	for second := 0; b.Len() < size; second++ {
		fmt.Fprintf(&b, "[%02d:%02d:%02d] Alex:", second/3600, second/60%60, second%60)
		for end := b.Len() + 150; b.Len() < end; {
			b.WriteByte(' ')
			b.WriteString(word())
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}
