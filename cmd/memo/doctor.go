package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/server"
	"memoai.tech/memo/internal/store"
)

type doctorCmd struct {
	Redis     string `help:"The server's --redis." placeholder:"URL"`
	PublicURL string `help:"The server's --public-url, which is called as callers do." placeholder:"URL"`
}

// finding is what the doctor says of one thing.
type finding struct {
	Check   string       `json:"check"`
	State   findingState `json:"state"`
	Message string       `json:"says"`           // what is
	Fix     string       `json:"mend,omitempty"` // what to do about it
}

// findingState is how bad a finding is.
type findingState string

const (
	stateOK      findingState = "ok"
	stateWarning findingState = "warning" // it works, and will not always
	stateFault   findingState = "fault"   // a promise of the contract does not hold
)

// What the doctor takes for too little or too much.
const (
	checkTimeout       = 5 * time.Second
	slowQuery          = 50 * time.Millisecond // of one question; every call asks one
	maxClockSkew       = time.Second           // between clocks; an expiry is that early or late
	minFreeDisk        = 1 << 30
	minCertificateLife = 14 * 24 * time.Hour // of a certificate
)

func (c *doctorCmd) Run(e *environment) error {
	found := c.database(e)
	if c.Redis != "" {
		found = append(found, c.redis(e)...)
	} else if e.cli.Database != "" {
		found = append(found, finding{
			"redis", stateWarning, "not named",
			"With --redis, or MEMO_REDIS, several servers share their limits. One server needs none.",
		})
	}
	found = append(found, c.public(e)...)
	faults := 0
	for _, f := range found {
		if f.State == stateFault {
			faults++
		}
	}
	err := e.printResult(itemList[finding]{found}, func() {
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, f.Message)
			if f.Fix != "" {
				fmt.Fprintf(w, "\t\t→ %s\n", f.Fix)
			}
		}
		w.Flush()
	})
	if err == nil && faults > 0 {
		return fmt.Errorf("%d of %d checks found a fault", faults, len(found))
	}
	return err
}

// examine is a finding that is good unless something is wrong.
func examine(check, says string, wrong bool, bad findingState, mend string) finding {
	if !wrong {
		return finding{check, stateOK, says, ""}
	}
	return finding{check, bad, says, mend}
}

func (c *doctorCmd) database(e *environment) []finding {
	ctx, cancel := context.WithTimeout(e.ctx, checkTimeout)
	defer cancel()
	d, err := store.ReadStatus(ctx, e.config())
	if err != nil {
		return []finding{{
			"database", stateFault, errorText(err),
			adviceFor(err, "Start it, or name another with --data or --database."),
		}}
	}
	found := []finding{
		examine("database", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)),
			d.Latency > slowQuery, stateWarning, "Every call asks it: bring it nearer, or see what keeps it busy."),
		checkSchema(d),
	}
	if d.Embedded {
		need := max(minFreeDisk, d.Size)
		return append(
			found,
			examine("reserve", formatBytes(d.ReserveBytes)+" kept for revocations on a full disk",
				d.ReserveBytes < d.ReserveTarget, stateWarning,
				"Make room, and the next change takes it: memo.db-reserve should have "+formatBytes(d.ReserveTarget)+"."),
			examine("disk", fmt.Sprintf("%s free beside a database of %s", formatBytes(d.Free), formatBytes(d.Size)),
				d.Free >= 0 && d.Free < need, stateWarning,
				"Make room: a full disk takes no imports, and a backup needs as much as the database."),
		)
	}
	return append(
		found,
		examine("connections", fmt.Sprintf("%d of %d are taken", d.Connections, d.MaxConnections),
			d.Connections*10 > d.MaxConnections*9, stateWarning,
			"Raise max_connections, or lower --database-conns of each server."),
		examine("durability", cmp.Or(strings.Join(d.UnsafeSettings, ", "), "nothing")+" is off", len(d.UnsafeSettings) > 0,
			stateFault,
			"Turn it on: a crash may bring a revoked key back to life."),
		checkClock("the database", d.ClockOffset),
		checkEncryption("database TLS", d.Host, d.Encrypted, "sslmode=verify-full in --database"),
	)
}

func checkSchema(d store.Status) finding {
	f := finding{"schema", stateOK, fmt.Sprintf("%d, which this program knows", d.Schema), ""}
	switch {
	case d.Schema > d.KnownSchema:
		f = finding{
			"schema", stateFault, fmt.Sprintf("%d, and this program knows %d", d.Schema, d.KnownSchema),
			"Use the newer memo that made it.",
		}
	case d.Schema < d.KnownSchema:
		f = finding{
			"schema", stateWarning, fmt.Sprintf("%d, and this program brings it to %d", d.Schema, d.KnownSchema),
			"The next start of memo serve does so. Make a backup first, with the memo that runs now, for this one brings the " +
				"schema up to date: memo backup FILE.",
		}
	}
	return f
}

func (c *doctorCmd) redis(e *environment) []finding {
	r, err := ratelimit.NewRedis(c.Redis, nil)
	if err != nil {
		return []finding{{"redis", stateFault, "--redis " + err.Error(), "Write the address as the server has it."}}
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(e.ctx, checkTimeout)
	defer cancel()
	d, err := r.ReadStatus(ctx)
	if err != nil {
		return []finding{{
			"redis", stateFault, errorText(err),
			adviceFor(err, "Start it. Until it answers, each server counts by itself, up to its share of the limit."),
		}}
	}
	memory := formatBytes(d.Used) + " of memory used"
	if d.Max > 0 {
		memory += ", at most " + formatBytes(d.Max)
	}
	role := d.Role
	if d.Cluster {
		role += " in a cluster"
	}
	return []finding{
		examine("redis", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)), d.Latency > slowQuery,
			stateWarning, "Every call asks it: bring it nearer."),
		examine("redis role", role, role != "master", stateFault,
			"Name a primary by itself: a replica takes no writes, and a cluster is not followed."),
		examine("redis eviction", cmp.Or(d.EvictionPolicy, "no policy told"), d.EvictionPolicy != "noeviction", stateFault,
			"Set maxmemory-policy noeviction: an evicted window forgets the calls it counted."),
		examine("redis memory", memory, d.Max > 0 && d.Used*10 > d.Max*8, stateWarning,
			"Raise maxmemory: a full window takes 3.7 kB for each key in use."),
		checkClock("Redis", d.ClockOffset),
		checkEncryption("redis TLS", d.Host, d.Encrypted, "rediss:// in --redis"),
	}
}

// checkClock judges another machine's clock by ours.
func checkClock(whose string, ahead time.Duration) finding {
	return examine("clock of "+whose, fmt.Sprintf("%v ahead of this machine's", ahead.Round(time.Millisecond)),
		ahead.Abs() > maxClockSkew, stateWarning,
		"Let both follow the same time servers: keys expire by the servers' clocks.")
}

// checkEncryption judges the way to another machine.
func checkEncryption(check, host string, encrypted bool, how string) finding {
	here := isLocalHost(host)
	says := "encrypted"
	switch {
	case !encrypted && here:
		says = "not encrypted, on this machine"
	case !encrypted:
		says = "not encrypted, to " + host
	}
	return examine(check, says, !encrypted && !here, stateWarning, "Unless the network between is yours alone: "+how+".")
}

// isLocalHost reports a host, or the directory of a socket, on this machine.
func isLocalHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

// A refusal of PostgreSQL's or Redis's that is about who asks.
var badLogin = regexp.MustCompile(`SQLSTATE 28|WRONGPASS|NOAUTH|NOPERM`)

// adviceFor is what to do about a machine that cannot be asked.
func adviceFor(err error, otherwise string) string {
	_, stranger := errors.AsType[x509.UnknownAuthorityError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case stranger:
		return "Nobody whom this machine trusts vouches for its certificate: SSL_CERT_FILE names a file of those whom it " +
			"should."
	case certificate:
		return "Renew its certificate, or make it one for this name."
	case badLogin.MatchString(errorText(err)):
		return "Mend the user and the password in the address, or what that user may do."
	}
	return otherwise
}

// fetch calls a server and returns its response, with up to 64 kB of its body read.
func fetch(ctx context.Context, address string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp, body, err
}

// public calls the server as callers do.
func (c *doctorCmd) public(e *environment) []finding {
	if c.PublicURL == "" {
		return []finding{{
			"public URL", stateWarning, "not named",
			"With --public-url, or MEMO_PUBLIC_URL, the server is called as callers do.",
		}}
	}
	u, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil || u.Host == "" {
		return []finding{{"public URL", stateFault, "is no address", "Write it as https://memo.example.com."}}
	}
	resp, body, err := fetch(e.ctx, u.JoinPath("/readyz").String())
	if err != nil {
		return []finding{{
			"public URL", stateFault, errorText(err),
			adviceFor(err, "Start the server, and see that the name and the proxy lead to it."),
		}}
	}
	mend := "This is no Memo: see that the name and the proxy lead to it."
	if resp.StatusCode == http.StatusServiceUnavailable {
		mend = "See the server's log: it is stopping, or its database does not answer."
	}
	found := []finding{examine("public URL", fmt.Sprintf("/readyz answers %d", resp.StatusCode),
		resp.StatusCode != http.StatusOK, stateFault, mend)}
	var ready struct {
		Proxy string `json:"proxy"`
	}
	if json.Unmarshal(body, &ready) == nil && ready.Proxy == server.ProxyNotTrusted {
		found = append(found, finding{
			"proxy", stateWarning, "X-Forwarded-For is not believed, so everyone behind the proxy counts as one address",
			"Start the server with --trusted-proxy ADDRESS, the proxy's address as the server sees it. The server's log has it.",
		})
	}
	switch {
	case resp.TLS != nil:
		found = append(found, checkCertificate(resp.TLS.PeerCertificates[0]))
	case !isLocalHost(u.Hostname()):
		found = append(found, finding{
			"public TLS", stateFault, "callers send their keys in the clear",
			"Put a proxy with TLS in front: docs/operations.md.",
		})
	}
	return found
}

type healthCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080" help:"Address of the server."`
}

func (c *healthCmd) Run(e *environment) error {
	address := strings.TrimSuffix(c.URL, "/") + "/healthz"
	if _, err := url.Parse(address); err != nil {
		return usageError(c.URL + " is no address")
	}
	resp, _, err := fetch(e.ctx, address)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", c.URL, resp.StatusCode)
	}
	return e.printResult(map[string]string{"status": "ok"}, func() { e.printf("It runs.") })
}

func checkCertificate(c *x509.Certificate) finding {
	least := min(minCertificateLife, c.NotAfter.Sub(c.NotBefore)/4) // some live for hours
	return examine("public TLS", "the certificate is valid until "+c.NotAfter.Format("2006-01-02"),
		time.Until(c.NotAfter) < least, stateWarning, "Renew it.")
}

// errorText is what a driver says, in one line. It leaves passwords out.
func errorText(err error) string {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Err != nil {
		err = e.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// formatBytes is a size as people write it.
func formatBytes(n int64) string {
	switch {
	case n < 0:
		return "an unknown number of bytes"
	case n < 10<<20:
		return fmt.Sprintf("%d kB", n/1000)
	case n < 10<<30:
		return fmt.Sprintf("%d MB", n/1_000_000)
	}
	return fmt.Sprintf("%d GB", n/1_000_000_000)
}
