#!/bin/sh
# Connects hosts to a real server by its URL, with the hosts' own programs from npm: sign in, list the
# tools or call one, refresh an expired access token, and lose access when the app is revoked. npm installs
# into the user's cache. docs/mcp.md says when this was run. HOSTS selects some of them.
set -eu
cd "$(dirname "$0")/.."
packages="@anthropic-ai/claude-code@2.1.332 @openai/codex@0.171.0 opencode-ai@1.18.33 mcp-remote@0.15.1 mcporter@0.12.3"
hosts=${HOSTS:-claude codex opencode mcp-remote mcporter}

fail() {
	echo "hosts: $1" >&2
	exit 1
}
for program in npm script; do # script gives a host the terminal that its login needs
	command -v "$program" >/dev/null 2>&1 || {
		echo "skipping the hosts: they need $program"
		exit 0
	}
done
cache=${XDG_CACHE_HOME:-$HOME/.cache}/memo-tests/hosts-$(echo "$packages" | cksum | cut -d' ' -f1)
tmp=$(mktemp -d)
memo="" job=""
stop() {
	for pid in $job $memo; do kill "$pid" 2>/dev/null || true; done
	wait
	rm -rf "$tmp"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -d "$cache" ]; then
	echo "installing into the cache: $packages"
	mkdir -p "$cache.half"
	# shellcheck disable=SC2086 # a list of words
	npm install --prefix "$cache.half" --no-audit --no-fund --loglevel=error $packages >/dev/null || fail "npm could not install"
	mv "$cache.half" "$cache"
fi

"${GO:-go}" build -o "$tmp/" ./cmd/memo ./scripts/signin
env -i "$tmp/memo" serve --demo --data "$tmp/data" --listen 127.0.0.1:0 --json >"$tmp/serve.json" 2>"$tmp/serve.err" &
memo=$!
until_true() { # SECONDS COMMAND…
	ticks=$(($1 * 5))
	shift
	until "$@"; do
		[ "$ticks" -gt 0 ] || return 1
		ticks=$((ticks - 1))
		sleep 0.2
	done
}
until_true 60 grep -q '^}' "$tmp/serve.json" || fail "the server does not start"
field() { sed -n "s/^  \"$1\": \"\(.*\)\",*$/\1/p" "$tmp/serve.json"; }
url=$(field url)/mcp
MEMO_EMAIL=$(field email) MEMO_PASSWORD=$(field password)
HOME=$tmp/home PATH=$cache/node_modules/.bin:$tmp:$PATH BROWSER=true
export MEMO_EMAIL MEMO_PASSWORD HOME PATH BROWSER
mkdir -p "$HOME/.codex"
cd "$HOME"

# login COMMAND… runs the login of a host in a terminal, opens the address that it prints, and waits for it.
login() {
	: >"$tmp/login"
	timeout 90 script -qec "$*" /dev/null </dev/null >"$tmp/login" 2>&1 &
	job=$!
	# shellcheck disable=SC2329 # until_true calls it
	printed() {
		address=$(grep -aoE 'http://127[^[:cntrl:][:space:]]*/oauth/authorize\?[^[:cntrl:][:space:]]*' "$tmp/login" | head -1)
		[ -n "$address" ]
	}
	until_true 60 printed || fail "no address: $(cat "$tmp/login")"
	signin "$address" || fail "the sign-in failed"
	wait "$job" || fail "the login failed: $(cat "$tmp/login")"
	job=""
}

# shows PATTERN COMMAND… fails unless the command prints the pattern.
shows() {
	pattern=$1
	shift
	timeout 30 "$@" >"$tmp/shown" 2>&1 </dev/null || true
	grep -qE "$pattern" "$tmp/shown" || fail "$*: no line matches $pattern: $(cat "$tmp/shown")"
}

# lifecycle NAME PATTERN REFUSED COMMAND… uses, refreshes and revokes the app of a host that is signed in.
lifecycle() {
	name=$1 works=$2 refused=$3
	shift 3
	shows "$works" "$@"
	signin expire "$tmp/data"
	shows "$works" "$@"
	memo key list --data "$tmp/data" --workspace Demo --json | sed -n 's/^ *"id": "\(.*\)",$/\1/p' >"$tmp/ids"
	while read -r id; do memo key revoke --data "$tmp/data" "$id" >/dev/null 2>&1 || true; done <"$tmp/ids"
	shows "$refused" "$@"
	echo "$name: signed in, called, refreshed, and refused after the end of the app"
}

for host in $hosts; do
	case $host in
	claude)
		claude mcp add --transport http --scope user memo "$url" >/dev/null
		login claude mcp login memo --no-browser
		lifecycle "$(claude --version)" "Connected" "Needs authentication" claude mcp list
		;;
	codex)
		printf '[mcp_servers.memo]\nurl = "%s"\n' "$url" >"$HOME/.codex/config.toml"
		login codex mcp login memo
		shows "OAuth" codex mcp list # connects only with a model
		login codex mcp login memo --oauth-client-registration dcr
		echo "$(codex --version 2>/dev/null): signed in with a document and with a registration"
		;;
	opencode)
		opencode mcp add memo --url "$url" >/dev/null 2>&1 </dev/null
		login opencode mcp auth memo
		lifecycle "opencode $(opencode --version)" "memo .*connected" "needs auth" opencode mcp list
		;;
	mcp-remote)
		login mcp-remote-client "$url"
		lifecycle "mcp-remote 0.15.1" "Connected successfully" "Authentication required" mcp-remote-client "$url"
		;;
	mcporter)
		mkdir -p config
		printf '{"mcpServers":{"memo":{"baseUrl":"%s","auth":"oauth"}}}' "$url" >config/mcporter.json
		login mcporter auth memo
		lifecycle "mcporter 0.12.3" '"name": *"|Sales|id' "401|auth|unauthorized|Authoriz" mcporter call memo.memo_list_projects
		;;
	*) fail "unknown host $host" ;;
	esac
done
