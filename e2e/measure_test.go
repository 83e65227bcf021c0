package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// measure is what one promised thing took, each time.
type measure struct {
	what    string
	bound   time.Duration
	times   int // how many there must be
	mu      sync.Mutex
	took    []time.Duration
	refused map[string]int // what was answered instead of serving it
}

func (m *measure) note(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took = append(m.took, took)
}

// served counts the outcome if it is not the one that was asked for.
func (m *measure) served(done bool, outcome string) bool {
	if done {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused == nil {
		m.refused = map[string]int{}
	}
	m.refused[outcome]++
	return false
}

// outcomeOf is a status, or what came instead of one.
func outcomeOf(status int, err error) string {
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(status)
}

func (m *measure) mustHold(t *testing.T) {
	t.Helper()
	slices.Sort(m.took)
	if len(m.took) == 0 {
		t.Errorf("broken: %s was not measured: %v", m.what, m.refused)
		return
	}
	slowest := m.took[len(m.took)-1]
	t.Logf("| %s | n %d | median %.2f s | p100 %.2f s | bound %v | not served %v |", m.what, len(m.took),
		m.took[len(m.took)/2].Seconds(), slowest.Seconds(), m.bound, m.refused)
	if slowest > m.bound {
		t.Errorf("broken: %s within %v: the slowest took %.2f s", m.what, m.bound, slowest.Seconds())
	}
	if len(m.refused) > 0 {
		t.Errorf("broken: %s is always served: %v", m.what, m.refused)
	}
	if !t.Failed() && len(m.took) < m.times {
		t.Errorf("%s was measured %d times instead of %d: it proves little", m.what, len(m.took), m.times)
	}
}

// ends are the keys whose end was acknowledged.
type ends struct {
	mu          sync.Mutex
	at          map[string]time.Time
	tried, late int // calls that began after the end of their key; those that were accepted
}

func (e *ends) acknowledge(keys ...newKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range keys {
		e.at[k.Key] = time.Now()
	}
}

// judge looks at the answer to a call with a key, which began then.
func (e *ends) judge(key string, began time.Time, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at, ended := e.at[key]; ended && began.After(at) {
		e.tried++
		if status < http.StatusBadRequest {
			e.late++
		}
	}
}

// any returns one of the ended keys, or "".
func (e *ends) any() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.at) == 0 {
		return ""
	}
	return slices.Collect(maps.Keys(e.at))[rand.IntN(len(e.at))]
}

// mostMemory is the server's resident memory at its highest so far, in MB.
func (s *server) mostMemory(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kB, err := strconv.Atoi(strings.Fields(line)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB >> 10
}

// timed makes a call, which must be served, and notes its time.
func (n *noisy) timed(m *measure, c *apiClient, method, path string, body any) {
	begun := time.Now()
	a, err := c.call(method, path, body)
	m.note(time.Since(begun))
	m.served(a.status == http.StatusOK, outcomeOf(a.status, err))
}

// until repeats what takes access away until it is acknowledged, and notes how long that
// took from the first try. It reports false when it gives up.
func (n *noisy) until(m *measure, act func() bool, keys ...newKey) bool {
	begun := time.Now()
	for !act() {
		if time.Since(n.begin) > 2*noise {
			m.note(time.Since(begun))
			return m.served(false, "never")
		}
		time.Sleep(200 * time.Millisecond)
	}
	m.note(time.Since(begun))
	n.ends.acknowledge(keys...)
	return true
}

// repeat does something for as long as the noise lasts, with pauses.
func (n *noisy) repeat(pause time.Duration, do func()) {
	for time.Since(n.begin) < noise {
		do()
		time.Sleep(pause)
	}
}

// waitFor waits until so much of the noise is over.
func (n *noisy) waitFor(part float64) {
	time.Sleep(time.Until(n.begin.Add(time.Duration(part * float64(noise)))))
}
