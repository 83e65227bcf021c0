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

// measure holds how long one operation took each time, and its bound.
type measure struct {
	name    string
	bound   time.Duration
	times   int // how often it must be measured
	mu      sync.Mutex
	took    []time.Duration
	refused map[string]int // outcomes of operations that were not served, and their number
}

func (m *measure) note(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took = append(m.took, took)
}

// served counts the outcome of an operation that was not served, and returns ok.
func (m *measure) served(ok bool, outcome string) bool {
	if ok {
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

// outcomeOf returns the status, or the error if there is no response.
func outcomeOf(status int, err error) string {
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(status)
}

// mustMeetBound fails the test if an operation was too slow or was not served.
func (m *measure) mustMeetBound(t *testing.T) {
	t.Helper()
	slices.Sort(m.took)
	if len(m.took) == 0 {
		t.Errorf("%s was not measured: %v", m.name, m.refused)
		return
	}
	slowest := m.took[len(m.took)-1]
	t.Logf("| %s | n %d | median %.2f s | p100 %.2f s | bound %v | not served %v |", m.name, len(m.took),
		m.took[len(m.took)/2].Seconds(), slowest.Seconds(), m.bound, m.refused)
	if slowest > m.bound {
		t.Errorf("%s took up to %.2f s, the bound is %v", m.name, slowest.Seconds(), m.bound)
	}
	if len(m.refused) > 0 {
		t.Errorf("%s was not always served: %v", m.name, m.refused)
	}
	if !t.Failed() && len(m.took) < m.times {
		t.Errorf("%s was measured %d times, too few: want %d", m.name, len(m.took), m.times)
	}
}

// endedKeys are the keys whose end was acknowledged.
type endedKeys struct {
	mu              sync.Mutex
	at              map[string]time.Time
	calls, accepted int // calls that began after the end of their key; how many of them were accepted
}

func (e *endedKeys) acknowledge(keys ...newKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range keys {
		e.at[k.Key] = time.Now()
	}
}

// noteCall records the status of a call with a key.
func (e *endedKeys) noteCall(key string, began time.Time, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at, ended := e.at[key]; ended && began.After(at) {
		e.calls++
		if status < http.StatusBadRequest {
			e.accepted++
		}
	}
}

// random returns one of the ended keys, or "".
func (e *endedKeys) random() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.at) == 0 {
		return ""
	}
	return slices.Collect(maps.Keys(e.at))[rand.IntN(len(e.at))]
}

// peakMemory returns the peak resident memory of the server in MB.
func (s *server) peakMemory(t *testing.T) int {
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

// timed makes a call, which must be served, and records its duration.
func (n *noisy) timed(m *measure, c *apiClient, method, path string, body any) {
	begun := time.Now()
	a, err := c.call(method, path, body)
	m.note(time.Since(begun))
	m.served(a.status == http.StatusOK, outcomeOf(a.status, err))
}

// retry repeats an operation that ends access until it is acknowledged, and records the
// time since the first attempt. It returns false if it gives up.
func (n *noisy) retry(m *measure, act func() bool, keys ...newKey) bool {
	begun := time.Now()
	for !act() {
		if time.Since(n.begin) > 2*noiseDuration {
			m.note(time.Since(begun))
			return m.served(false, "never")
		}
		time.Sleep(200 * time.Millisecond)
	}
	m.note(time.Since(begun))
	n.endedKeys.acknowledge(keys...)
	return true
}

// repeat calls do, with pauses, while the load lasts.
func (n *noisy) repeat(pause time.Duration, do func()) {
	for time.Since(n.begin) < noiseDuration {
		do()
		time.Sleep(pause)
	}
}

// waitFor waits until this part of the load, from 0 to 1, is over.
func (n *noisy) waitFor(part float64) {
	time.Sleep(time.Until(n.begin.Add(time.Duration(part * float64(noiseDuration)))))
}
