package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
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
	Message string       `json:"message"`       // what the check found
	Fix     string       `json:"fix,omitempty"` // what to do; empty if the state is ok
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
	var r findings
	r.database(e)
	switch {
	case c.Redis != "":
		r.redis(e.ctx, c.Redis)
	case e.cli.Database != "":
		r.add("redis", stateWarning, "not configured",
			"If you run several servers, set --redis or MEMO_REDIS so that they share limits. One server does not need it.")
	}
	r.public(e.ctx, c.PublicURL)
	faults := 0
	var lines [][]string
	for _, f := range r {
		if f.State == stateFault {
			faults++
		}
		lines = append(lines, []string{string(f.State), f.Check, f.Message})
		if f.Fix != "" {
			lines = append(lines, []string{"", "", "→ " + f.Fix})
		}
	}
	err := e.printResult(itemList[finding]{r}, func() { e.printTable(lines) })
	if err == nil && faults > 0 {
		return fmt.Errorf("%d of %d checks found a fault", faults, len(r))
	}
	return err
}

// findings are the results of the checks so far.
type findings []finding

func (r *findings) add(check string, state findingState, message, fix string) {
	*r = append(*r, finding{check, state, message, fix})
}

// check adds a finding with the given state and fix if failed is true, and otherwise an ok one.
func (r *findings) check(check, message string, failed bool, state findingState, fix string) {
	if !failed {
		state, fix = stateOK, ""
	}
	r.add(check, state, message, fix)
}

func (r *findings) database(e *environment) {
	ctx, cancel := context.WithTimeout(e.ctx, checkTimeout)
	defer cancel()
	d, err := store.ReadStatus(ctx, e.config())
	if err != nil {
		r.failed("database", err, "Start the database, or name another one with --data or --database.")
		return
	}
	r.check("database", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)),
		d.Latency > slowQuery, stateWarning,
		"Every call queries the database. Move it closer to the server, or find what slows it down.")
	r.schema(d)
	if d.Embedded {
		r.check("reserve", formatBytes(d.ReserveBytes)+" reserved for revocations on a full disk",
			d.ReserveBytes < d.ReserveTarget, stateWarning,
			"Free some disk space. Memo then refills memo.db-reserve to "+formatBytes(d.ReserveTarget)+" at the next change.")
		r.check("disk", fmt.Sprintf("%s free, for a database of %s", formatBytes(d.Free), formatBytes(d.Size)),
			d.Free >= 0 && d.Free < max(minFreeDisk, d.Size), stateWarning,
			"Free some disk space. Imports fail on a full disk, and a backup needs as much space as the database.")
		return
	}
	r.check("connections", fmt.Sprintf("%d of %d in use", d.Connections, d.MaxConnections),
		d.Connections*10 > d.MaxConnections*9, stateWarning,
		"Raise max_connections, or lower --database-conns on each server.")
	r.check("durability", cmp.Or(strings.Join(d.UnsafeSettings, ", "), "nothing")+" is off", len(d.UnsafeSettings) > 0,
		stateFault,
		"Turn it on. Otherwise a crash may make a revoked key active again.")
	r.clock("the database", d.ClockOffset)
	r.encryption("database TLS", d.Host, d.Encrypted, "sslmode=verify-full in --database")
}

func (r *findings) schema(d store.Status) {
	switch {
	case d.Schema > d.KnownSchema:
		r.add("schema", stateFault, fmt.Sprintf("%d, newer than the %d of this memo", d.Schema, d.KnownSchema),
			"Use the newer memo that updated the schema.")
	case d.Schema < d.KnownSchema:
		r.add("schema", stateWarning, fmt.Sprintf("%d, which this memo updates to %d", d.Schema, d.KnownSchema),
			"The next start of memo serve updates it. First run memo backup FILE with the binary that runs now, "+
				"because memo backup with this one updates the schema too.")
	default:
		r.add("schema", stateOK, fmt.Sprintf("%d, the version of this memo", d.Schema), "")
	}
}

func (r *findings) redis(ctx context.Context, address string) {
	client, err := ratelimit.NewRedis(address, nil)
	if err != nil {
		r.add("redis", stateFault, "--redis "+err.Error(), "Use the same address as the server.")
		return
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	d, err := client.ReadStatus(ctx)
	if err != nil {
		r.failed("redis", err,
			"Start Redis. Until it answers, each server limits calls on its own, up to its share of the limit.")
		return
	}
	memory := formatBytes(d.Used) + " of memory used"
	if d.Max > 0 {
		memory += " of at most " + formatBytes(d.Max)
	}
	role := d.Role
	if d.Cluster {
		role += " in a cluster"
	}
	r.check("redis", fmt.Sprintf("%s answers in %v", d.Server, d.Latency.Round(time.Microsecond)),
		d.Latency > slowQuery, stateWarning, "Every call queries Redis. Move it closer to the server.")
	r.check("redis role", role, d.Role != "master" || d.Cluster != d.ClusterAddress, stateFault,
		"Use the address of a primary, or redis+sentinel:// or redis+cluster://. A replica refuses writes, and one node "+
			"of a cluster has only some of the keys.")
	r.check("redis eviction", cmp.Or(d.EvictionPolicy, "unknown policy"), d.EvictionPolicy != "noeviction", stateFault,
		"Set maxmemory-policy to noeviction. Calls in an evicted window are no longer counted.")
	r.check("redis memory", memory, d.Max > 0 && d.Used*10 > d.Max*8, stateWarning,
		"Raise maxmemory. The window of each key takes up to 3.7 kB.")
	r.clock("Redis", d.ClockOffset)
	r.encryption("redis TLS", d.Host, d.Encrypted, "rediss:// in --redis")
}

// clock compares another machine's clock with the local one.
func (r *findings) clock(name string, ahead time.Duration) {
	r.check("clock of "+name, fmt.Sprintf("%v ahead of this machine's", ahead.Round(time.Millisecond)),
		ahead.Abs() > maxClockSkew, stateWarning,
		"Synchronise both clocks. Keys expire by the clocks of the servers.")
}

// encryption checks that connections to other machines are encrypted. option is what to set so
// that they are.
func (r *findings) encryption(check, host string, encrypted bool, option string) {
	local := isLocalHost(host)
	message := "encrypted"
	switch {
	case !encrypted && local:
		message = "not encrypted, on this machine"
	case !encrypted:
		message = "not encrypted, to " + host
	}
	r.check(check, message, !encrypted && !local, stateWarning, "Use "+option+", unless the network is private.")
}

// public checks the server through its public URL.
func (r *findings) public(ctx context.Context, address string) {
	if address == "" {
		r.add("public URL", stateWarning, "not configured",
			"Set --public-url or MEMO_PUBLIC_URL to check the server as callers reach it.")
		return
	}
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || u.Host == "" {
		r.add("public URL", stateFault, "not a valid URL", "Use a URL such as https://memo.example.com.")
		return
	}
	resp, body, err := fetch(ctx, u.JoinPath("/readyz").String(), "")
	if err != nil {
		r.failed("public URL", err, "Start the server, and check that the host name and the proxy lead to it.")
		return
	}
	fix := "This does not look like a Memo server. Check that the host name and the proxy lead to it."
	if resp.StatusCode == http.StatusServiceUnavailable {
		fix = "See the log of the server: it is stopping, or its database does not answer."
	}
	r.check("public URL", fmt.Sprintf("/readyz answers %d", resp.StatusCode), resp.StatusCode != http.StatusOK,
		stateFault, fix)
	var ready struct {
		Proxy string `json:"proxy"`
	}
	if json.Unmarshal(body, &ready) == nil && ready.Proxy == server.ProxyNotTrusted {
		r.add("proxy", stateWarning, "X-Forwarded-For is not trusted, so all callers through the proxy count as one address",
			"Start the server with --trusted-proxy ADDRESS, the proxy's address as it appears in the server's log.")
	}
	switch {
	case resp.TLS != nil:
		r.certificate(resp.TLS.PeerCertificates[0])
	case !isLocalHost(u.Hostname()):
		r.add("public TLS", stateFault, "callers send their keys unencrypted",
			"Set up a proxy with TLS. See docs/operations.md.")
		return
	}
	r.connectByURL(ctx, u)
}

func (r *findings) certificate(c *x509.Certificate) {
	// Some certificates are valid for hours only.
	least := min(minCertificateLife, c.NotAfter.Sub(c.NotBefore)/4)
	r.check("public TLS", "the certificate is valid until "+c.NotAfter.Format("2006-01-02"),
		time.Until(c.NotAfter) < least, stateWarning, "Renew the certificate.")
}

// failed adds a fault for a connection that failed. The fix is for errors that do not say why.
func (r *findings) failed(check string, err error, fix string) {
	text := errorText(err)
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case unknownAuthority:
		fix = "This machine does not trust the issuer of the certificate. Set SSL_CERT_FILE to a file with the issuer's " +
			"certificate."
	case badCertificate:
		fix = "Renew the certificate, or use one that is valid for this host name."
	case loginRefused.MatchString(text):
		fix = "Correct the user and password in the address, or the permissions of that user."
	}
	r.add(check, stateFault, text, fix)
}

// loginRefused matches the errors with which PostgreSQL and Redis refuse a user or password.
var loginRefused = regexp.MustCompile(`SQLSTATE 28|WRONGPASS|NOAUTH|NOPERM`)

// errorText returns the error of a driver on one line. It contains no password, because
// drivers leave them out.
func errorText(err error) string {
	if e, ok := errors.AsType[*memo.Error](err); ok && e.Err != nil {
		err = e.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// isLocalHost reports whether host, which may be the directory of a socket, is on this machine.
func isLocalHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
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
