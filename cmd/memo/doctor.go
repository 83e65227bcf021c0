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
	Check string `json:"check"`
	State state  `json:"state"`
	Says  string `json:"says"`           // what is
	Mend  string `json:"mend,omitempty"` // what to do about it
}

// state is how bad a finding is.
type state string

const (
	good    state = "ok"
	warning state = "warning" // it works, and will not always
	fault   state = "fault"   // a promise of the contract does not hold
)

// What the doctor takes for too little or too much.
const (
	examTime   = 5 * time.Second
	slow       = 50 * time.Millisecond // of one question; every call asks one
	skew       = time.Second           // between clocks; an expiry is that early or late
	leastDisk  = 1 << 30
	leastValid = 14 * 24 * time.Hour // of a certificate
)

func (c *doctorCmd) Run(e *environment) error {
	found := c.database(e)
	if c.Redis != "" {
		found = append(found, c.redis(e)...)
	} else if e.cli.Database != "" {
		found = append(found, finding{"redis", warning, "not named", "With --redis, or MEMO_REDIS, several servers share their limits. One server needs none."})
	}
	found = append(found, c.public(e)...)
	faults := 0
	for _, f := range found {
		if f.State == fault {
			faults++
		}
	}
	err := e.show(items[finding]{found}, func() {
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, f.Says)
			if f.Mend != "" {
				fmt.Fprintf(w, "\t\t→ %s\n", f.Mend)
			}
		}
		w.Flush()
	})
	if err == nil && faults > 0 {
		return fmt.Errorf("%d of %d checks found a fault", faults, len(found))
	}
	return err
}

// judge is a finding that is good unless something is wrong.
func judge(check, says string, wrong bool, bad state, mend string) finding {
	if !wrong {
		return finding{check, good, says, ""}
	}
	return finding{check, bad, says, mend}
}

func (c *doctorCmd) database(e *environment) []finding {
	ctx, cancel := context.WithTimeout(e.ctx, examTime)
	defer cancel()
	d, err := store.ReadStatus(ctx, e.config())
	if err != nil {
		return []finding{{"database", fault, cause(err), reach(err, "Start it, or name another with --data or --database.")}}
	}
	found := []finding{
		judge("database", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)), d.Latency > slow, warning, "Every call asks it: bring it nearer, or see what keeps it busy."),
		schema(d),
	}
	if d.Embedded {
		need := max(leastDisk, d.Size)
		return append(
			found,
			judge("reserve", sizeOf(d.ReserveBytes)+" kept for revocations on a full disk", d.ReserveBytes < d.ReserveTarget, warning,
				"Make room, and the next change takes it: memo.db-reserve should have "+sizeOf(d.ReserveTarget)+"."),
			judge("disk", fmt.Sprintf("%s free beside a database of %s", sizeOf(d.Free), sizeOf(d.Size)), d.Free >= 0 && d.Free < need, warning,
				"Make room: a full disk takes no imports, and a backup needs as much as the database."),
		)
	}
	return append(
		found,
		judge("connections", fmt.Sprintf("%d of %d are taken", d.Connections, d.MaxConnections), d.Connections*10 > d.MaxConnections*9, warning,
			"Raise max_connections, or lower --database-conns of each server."),
		judge("durability", cmp.Or(strings.Join(d.UnsafeSettings, ", "), "nothing")+" is off", len(d.UnsafeSettings) > 0, fault,
			"Turn it on: a crash may bring a revoked key back to life."),
		clock("the database", d.ClockOffset),
		line("database TLS", d.Host, d.Encrypted, "sslmode=verify-full in --database"),
	)
}

func schema(d store.Status) finding {
	f := finding{"schema", good, fmt.Sprintf("%d, which this program knows", d.Schema), ""}
	switch {
	case d.Schema > d.KnownSchema:
		f = finding{"schema", fault, fmt.Sprintf("%d, and this program knows %d", d.Schema, d.KnownSchema), "Use the newer memo that made it."}
	case d.Schema < d.KnownSchema:
		f = finding{"schema", warning, fmt.Sprintf("%d, and this program brings it to %d", d.Schema, d.KnownSchema), "The next start of memo serve does so. Make a backup first, with the memo that runs now, for this one brings the schema up to date: memo backup FILE."}
	}
	return f
}

func (c *doctorCmd) redis(e *environment) []finding {
	r, err := ratelimit.NewRedis(c.Redis, nil)
	if err != nil {
		return []finding{{"redis", fault, "--redis " + err.Error(), "Write the address as the server has it."}}
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(e.ctx, examTime)
	defer cancel()
	d, err := r.ReadStatus(ctx)
	if err != nil {
		return []finding{{"redis", fault, cause(err), reach(err, "Start it. Until it answers, each server counts by itself, up to its share of the limit.")}}
	}
	memory := sizeOf(d.Used) + " of memory used"
	if d.Max > 0 {
		memory += ", at most " + sizeOf(d.Max)
	}
	role := d.Role
	if d.Cluster {
		role += " in a cluster"
	}
	return []finding{
		judge("redis", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)), d.Latency > slow, warning, "Every call asks it: bring it nearer."),
		judge("redis role", role, role != "master", fault, "Name a primary by itself: a replica takes no writes, and a cluster is not followed."),
		judge("redis eviction", cmp.Or(d.EvictionPolicy, "no policy told"), d.EvictionPolicy != "noeviction", fault, "Set maxmemory-policy noeviction: an evicted window forgets the calls it counted."),
		judge("redis memory", memory, d.Max > 0 && d.Used*10 > d.Max*8, warning, "Raise maxmemory: a full window takes 3.7 kB for each key in use."),
		clock("Redis", d.ClockOffset),
		line("redis TLS", d.Host, d.Encrypted, "rediss:// in --redis"),
	}
}

// clock judges another machine's clock by ours.
func clock(whose string, ahead time.Duration) finding {
	return judge("clock of "+whose, fmt.Sprintf("%v ahead of this machine's", ahead.Round(time.Millisecond)), ahead.Abs() > skew, warning,
		"Let both follow the same time servers: keys expire by the servers' clocks.")
}

// line judges the way to another machine.
func line(check, host string, encrypted bool, how string) finding {
	here := isHere(host)
	says := "encrypted"
	switch {
	case !encrypted && here:
		says = "not encrypted, on this machine"
	case !encrypted:
		says = "not encrypted, to " + host
	}
	return judge(check, says, !encrypted && !here, warning, "Unless the network between is yours alone: "+how+".")
}

// isHere reports a host, or the directory of a socket, on this machine.
func isHere(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

// A refusal of PostgreSQL's or Redis's that is about who asks.
var badLogin = regexp.MustCompile(`SQLSTATE 28|WRONGPASS|NOAUTH|NOPERM`)

// reach is what to do about a machine that cannot be asked.
func reach(err error, otherwise string) string {
	_, stranger := errors.AsType[x509.UnknownAuthorityError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case stranger:
		return "Nobody whom this machine trusts vouches for its certificate: SSL_CERT_FILE names a file of those whom it should."
	case certificate:
		return "Renew its certificate, or make it one for this name."
	case badLogin.MatchString(cause(err)):
		return "Mend the user and the password in the address, or what that user may do."
	}
	return otherwise
}

// ask calls a server and returns its response, with up to 64 kB of its body read.
func ask(ctx context.Context, address string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, examTime)
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
		return []finding{{"public URL", warning, "not named", "With --public-url, or MEMO_PUBLIC_URL, the server is called as callers do."}}
	}
	u, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil || u.Host == "" {
		return []finding{{"public URL", fault, "is no address", "Write it as https://memo.example.com."}}
	}
	resp, body, err := ask(e.ctx, u.JoinPath("/readyz").String())
	if err != nil {
		return []finding{{"public URL", fault, cause(err), reach(err, "Start the server, and see that the name and the proxy lead to it.")}}
	}
	mend := "This is no Memo: see that the name and the proxy lead to it."
	if resp.StatusCode == http.StatusServiceUnavailable {
		mend = "See the server's log: it is stopping, or its database does not answer."
	}
	found := []finding{judge("public URL", fmt.Sprintf("/readyz answers %d", resp.StatusCode), resp.StatusCode != http.StatusOK, fault, mend)}
	var ready struct {
		Proxy string `json:"proxy"`
	}
	if json.Unmarshal(body, &ready) == nil && ready.Proxy == server.ProxyNotTrusted {
		found = append(found, finding{
			"proxy", warning, "X-Forwarded-For is not believed, so everyone behind the proxy counts as one address",
			"Start the server with --trusted-proxy ADDRESS, the proxy's address as the server sees it. The server's log has it.",
		})
	}
	switch {
	case resp.TLS != nil:
		found = append(found, certificate(resp.TLS.PeerCertificates[0]))
	case !isHere(u.Hostname()):
		found = append(found, finding{"public TLS", fault, "callers send their keys in the clear", "Put a proxy with TLS in front: docs/operations.md."})
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
	resp, _, err := ask(e.ctx, address)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", c.URL, resp.StatusCode)
	}
	return e.show(map[string]string{"status": "ok"}, func() { e.say("It runs.") })
}

func certificate(c *x509.Certificate) finding {
	least := min(leastValid, c.NotAfter.Sub(c.NotBefore)/4) // some live for hours
	return judge("public TLS", "the certificate is valid until "+c.NotAfter.Format("2006-01-02"), time.Until(c.NotAfter) < least, warning, "Renew it.")
}

// cause is what a driver says, in one line. It leaves passwords out.
func cause(err error) string {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Err != nil {
		err = e.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// sizeOf is a size as people write it.
func sizeOf(n int64) string {
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
