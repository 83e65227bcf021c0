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
	Redis     string `help:"The --redis of the server." placeholder:"URL"`
	PublicURL string `help:"The --public-url of the server, to check it as callers reach it." placeholder:"URL"`
}

// finding is the result of one check.
type finding struct {
	Check   string       `json:"check"`
	State   findingState `json:"state"`
	Message string       `json:"says"`           // what the check found
	Fix     string       `json:"mend,omitempty"` // what to do; empty if the state is ok
}

// findingState is the severity of a finding.
type findingState string

const (
	stateOK      findingState = "ok"
	stateWarning findingState = "warning" // works now, but may fail later
	stateFault   findingState = "fault"   // does not work, or breaks a rule of docs/contract.md
)

// Thresholds of the checks.
const (
	checkTimeout       = 5 * time.Second
	slowQuery          = 50 * time.Millisecond // each call makes at least one query
	maxClockSkew       = time.Second           // a key may expire this much too early or too late
	minFreeDisk        = 1 << 30
	minCertificateLife = 14 * 24 * time.Hour
)

func (c *doctorCmd) Run(e *environment) error {
	found := c.database(e)
	if c.Redis != "" {
		found = append(found, c.redis(e)...)
	} else if e.cli.Database != "" {
		found = append(found, finding{
			"redis", stateWarning, "not configured",
			"If you run several servers, set --redis or MEMO_REDIS so that they share limits. One server does not need it.",
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

// newFinding returns a finding with the given state and fix if failed is true, and otherwise
// an ok one.
func newFinding(check, message string, failed bool, state findingState, fix string) finding {
	if !failed {
		return finding{check, stateOK, message, ""}
	}
	return finding{check, state, message, fix}
}

func (c *doctorCmd) database(e *environment) []finding {
	ctx, cancel := context.WithTimeout(e.ctx, checkTimeout)
	defer cancel()
	d, err := store.ReadStatus(ctx, e.config())
	if err != nil {
		return []finding{{
			"database", stateFault, errorText(err),
			adviceFor(err, "Start the database, or name another one with --data or --database."),
		}}
	}
	found := []finding{
		newFinding("database", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)),
			d.Latency > slowQuery, stateWarning,
			"Every call queries the database. Move it closer to the server, or find what slows it down."),
		checkSchema(d),
	}
	if d.Embedded {
		need := max(minFreeDisk, d.Size)
		return append(
			found,
			newFinding("reserve", formatBytes(d.ReserveBytes)+" reserved for revocations on a full disk",
				d.ReserveBytes < d.ReserveTarget, stateWarning,
				"Free some disk space. Memo then refills memo.db-reserve to "+formatBytes(d.ReserveTarget)+" at the next change."),
			newFinding("disk", fmt.Sprintf("%s free, for a database of %s", formatBytes(d.Free), formatBytes(d.Size)),
				d.Free >= 0 && d.Free < need, stateWarning,
				"Free some disk space. Imports fail on a full disk, and a backup needs as much space as the database."),
		)
	}
	return append(
		found,
		newFinding("connections", fmt.Sprintf("%d of %d in use", d.Connections, d.MaxConnections),
			d.Connections*10 > d.MaxConnections*9, stateWarning,
			"Raise max_connections, or lower --database-conns on each server."),
		newFinding("durability", cmp.Or(strings.Join(d.UnsafeSettings, ", "), "nothing")+" is off", len(d.UnsafeSettings) > 0,
			stateFault,
			"Turn it on. Otherwise a crash may make a revoked key active again."),
		checkClock("the database", d.ClockOffset),
		checkEncryption("database TLS", d.Host, d.Encrypted, "sslmode=verify-full in --database"),
	)
}

func checkSchema(d store.Status) finding {
	f := finding{"schema", stateOK, fmt.Sprintf("%d, the version of this memo", d.Schema), ""}
	switch {
	case d.Schema > d.KnownSchema:
		f = finding{
			"schema", stateFault, fmt.Sprintf("%d, newer than the %d of this memo", d.Schema, d.KnownSchema),
			"Use the newer memo that updated the schema.",
		}
	case d.Schema < d.KnownSchema:
		f = finding{
			"schema", stateWarning, fmt.Sprintf("%d, which this memo updates to %d", d.Schema, d.KnownSchema),
			"The next start of memo serve updates it. First run memo backup FILE with the binary that runs now, " +
				"because memo backup with this one updates the schema too.",
		}
	}
	return f
}

func (c *doctorCmd) redis(e *environment) []finding {
	r, err := ratelimit.NewRedis(c.Redis, nil)
	if err != nil {
		return []finding{{"redis", stateFault, "--redis " + err.Error(), "Use the same address as the server."}}
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(e.ctx, checkTimeout)
	defer cancel()
	d, err := r.ReadStatus(ctx)
	if err != nil {
		return []finding{{
			"redis", stateFault, errorText(err),
			adviceFor(err, "Start Redis. Until it answers, each server limits calls on its own, up to its share of the limit."),
		}}
	}
	memory := formatBytes(d.Used) + " of memory used"
	if d.Max > 0 {
		memory += " of at most " + formatBytes(d.Max)
	}
	role := d.Role
	if d.Cluster {
		role += " in a cluster"
	}
	return []finding{
		newFinding("redis", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)),
			d.Latency > slowQuery, stateWarning, "Every call queries Redis. Move it closer to the server."),
		newFinding("redis role", role, d.Role != "master" || d.Cluster != d.ClusterAddress, stateFault,
			"Use the address of a primary, or redis+sentinel:// or redis+cluster://. A replica refuses writes, and one node "+
				"of a cluster has only some of the keys."),
		newFinding("redis eviction", cmp.Or(d.EvictionPolicy, "unknown policy"), d.EvictionPolicy != "noeviction", stateFault,
			"Set maxmemory-policy to noeviction. Calls in an evicted window are no longer counted."),
		newFinding("redis memory", memory, d.Max > 0 && d.Used*10 > d.Max*8, stateWarning,
			"Raise maxmemory. The window of each key takes up to 3.7 kB."),
		checkClock("Redis", d.ClockOffset),
		checkEncryption("redis TLS", d.Host, d.Encrypted, "rediss:// in --redis"),
	}
}

// checkClock compares another machine's clock with the local one.
func checkClock(name string, ahead time.Duration) finding {
	return newFinding("clock of "+name, fmt.Sprintf("%v ahead of this machine's", ahead.Round(time.Millisecond)),
		ahead.Abs() > maxClockSkew, stateWarning,
		"Synchronise both clocks. Keys expire by the clocks of the servers.")
}

// checkEncryption checks that connections to other machines are encrypted. option is
// what to set so that they are.
func checkEncryption(check, host string, encrypted bool, option string) finding {
	local := isLocalHost(host)
	message := "encrypted"
	switch {
	case !encrypted && local:
		message = "not encrypted, on this machine"
	case !encrypted:
		message = "not encrypted, to " + host
	}
	return newFinding(check, message, !encrypted && !local, stateWarning, "Use "+option+", unless the network is private.")
}

// isLocalHost reports whether host, which may be the directory of a socket, is on this machine.
func isLocalHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

// loginRefused matches the errors with which PostgreSQL and Redis refuse a user or password.
var loginRefused = regexp.MustCompile(`SQLSTATE 28|WRONGPASS|NOAUTH|NOPERM`)

// adviceFor returns what to do about a failed connection, or fallback if err does
// not say why it failed.
func adviceFor(err error, fallback string) string {
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case unknownAuthority:
		return "This machine does not trust the issuer of the certificate. Set SSL_CERT_FILE to a file with the issuer's " +
			"certificate."
	case badCertificate:
		return "Renew the certificate, or use one that is valid for this host name."
	case loginRefused.MatchString(errorText(err)):
		return "Correct the user and password in the address, or the permissions of that user."
	}
	return fallback
}

// fetch sends a GET request and returns the response and the first 64 kB of its body.
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

// public checks the server through its public URL.
func (c *doctorCmd) public(e *environment) []finding {
	if c.PublicURL == "" {
		return []finding{{
			"public URL", stateWarning, "not configured",
			"Set --public-url or MEMO_PUBLIC_URL to check the server as callers reach it.",
		}}
	}
	u, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil || u.Host == "" {
		return []finding{{"public URL", stateFault, "not a valid URL", "Use a URL such as https://memo.example.com."}}
	}
	resp, body, err := fetch(e.ctx, u.JoinPath("/readyz").String())
	if err != nil {
		return []finding{{
			"public URL", stateFault, errorText(err),
			adviceFor(err, "Start the server, and check that the host name and the proxy lead to it."),
		}}
	}
	fix := "This does not look like a Memo server. Check that the host name and the proxy lead to it."
	if resp.StatusCode == http.StatusServiceUnavailable {
		fix = "See the log of the server: it is stopping, or its database does not answer."
	}
	found := []finding{newFinding("public URL", fmt.Sprintf("/readyz answers %d", resp.StatusCode),
		resp.StatusCode != http.StatusOK, stateFault, fix)}
	var ready struct {
		Proxy string `json:"proxy"`
	}
	if json.Unmarshal(body, &ready) == nil && ready.Proxy == server.ProxyNotTrusted {
		found = append(found, finding{
			"proxy", stateWarning, "X-Forwarded-For is not trusted, so all callers through the proxy count as one address",
			"Start the server with --trusted-proxy ADDRESS, the proxy's address as it appears in the server's log.",
		})
	}
	switch {
	case resp.TLS != nil:
		found = append(found, checkCertificate(resp.TLS.PeerCertificates[0]))
	case !isLocalHost(u.Hostname()):
		found = append(found, finding{
			"public TLS", stateFault, "callers send their keys unencrypted",
			"Set up a proxy with TLS. See docs/operations.md.",
		})
	}
	return found
}

type healthCmd struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8080" help:"Address of the server."`
}

func (c *healthCmd) Run(e *environment) error {
	address := strings.TrimSuffix(c.URL, "/") + "/healthz"
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return usageError(c.URL + " is not a URL such as http://127.0.0.1:8080")
	}
	resp, _, err := fetch(e.ctx, address)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", c.URL, resp.StatusCode)
	}
	return e.printResult(map[string]string{"status": "ok"}, func() { e.printf("ok") })
}

func checkCertificate(c *x509.Certificate) finding {
	// Some certificates are valid for hours only.
	least := min(minCertificateLife, c.NotAfter.Sub(c.NotBefore)/4)
	return newFinding("public TLS", "the certificate is valid until "+c.NotAfter.Format("2006-01-02"),
		time.Until(c.NotAfter) < least, stateWarning, "Renew the certificate.")
}

// errorText returns the error of a driver on one line. It contains no password, because
// drivers leave them out.
func errorText(err error) string {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Err != nil {
		err = e.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// formatBytes formats a size. A negative n is an unknown size.
func formatBytes(n int64) string {
	switch {
	case n < 0:
		return "an unknown amount"
	case n < 10<<20:
		return fmt.Sprintf("%d kB", n/1000)
	case n < 10<<30:
		return fmt.Sprintf("%d MB", n/1_000_000)
	}
	return fmt.Sprintf("%d GB", n/1_000_000_000)
}
