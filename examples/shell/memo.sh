#!/bin/sh
# Lists all transcriptions of a workspace, searches for a word, and downloads the
# first hit as Markdown and up to 100 transcriptions as one ZIP:
#
#   MEMO_URL=http://127.0.0.1:8080 MEMO_API_KEY=mk_live_… sh memo.sh salary
#
# It needs curl 7.66 or newer, and no jq: a quote within a JSON string is always
# escaped, so the patterns below cannot match inside a title.
set -eu
if [ -z "${MEMO_URL:-}" ] || [ -z "${MEMO_API_KEY:-}" ] || [ $# -ne 1 ]; then
	echo 'usage: MEMO_URL=… MEMO_API_KEY=… sh memo.sh WORD' >&2
	exit 2
fi
api=${MEMO_URL%/}/api/v1/developer
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# call FILE ARGUMENT… writes a response with status 200 to FILE. curl waits as long
# as Retry-After says and tries again after 429 and 503. The key is passed on
# standard input, because every user of the machine can see a command's arguments.
call() {
	file=$1
	shift
	status=$(printf 'header = "Authorization: Bearer %s"\n' "$MEMO_API_KEY" |
		curl --config - --silent --show-error --retry 4 --max-time 600 \
			--output "$file.part" --write-out '%{http_code}' "$@") || fail "incomplete response: $*"
	[ "$status" = 200 ] || fail "HTTP $status: $(sed 's/^{"detail"://; s/}$//' "$file.part")"
	mv "$file.part" "$file" # only now the file is complete
}

fail() {
	rm -f "$file.part"
	echo "memo: $1" >&2
	exit 1
}

# list FILE FILTER… writes one line "DATE ID TITLE" for each transcription to FILE,
# page after page.
list() {
	lines=$1
	shift
	: >"$lines"
	cursor=
	while :; do
		call "$tmp/page" --get "$api/transcriptions" --data limit=100 "$@" ${cursor:+--data "cursor=$cursor"}
		grep -oE '\{"id":"[0-9a-f-]{36}","title":"([^"\\]|\\.)*"|"created_at":"[^"]*"' "$tmp/page" |
			sed -nE '/^\{/ { s/^\{"id":"(.{36})","title":"(.*)"$/\1 \2/; s/\\(["\\])/\1/g; h; }
				/^"created_at"/ { s/^.*:"(.{10}).*$/\1/; G; s/\n/ /; p; }' >>"$lines"
		cursor=$(sed -nE 's/.*"next_cursor":"([^"]*)".*/\1/p' "$tmp/page")
		[ -n "$cursor" ] || break
	done
}

list "$tmp/all"
cut -d' ' -f1,3- "$tmp/all"
list "$tmp/found" --data-urlencode "q=$1"
echo "$(grep -c '' "$tmp/all") transcriptions, $(grep -c '' "$tmp/found") found"
read -r _ id title <"$tmp/found" || exit 0 # nothing was found
echo "first hit: $title"

call hit.md "$api/transcriptions/$id/export?format=md"
echo "saved hit.md ($(($(wc -c <hit.md))) bytes)"
ids=$(head -n 100 "$tmp/all" | cut -d' ' -f2 | sed 's/.*/"&"/' | paste -sd, -)
call all.zip "$api/transcriptions/export" --header 'Content-Type: application/json' \
	--data "{\"ids\":[$ids],\"format\":\"md\"}"
echo "saved all.zip ($(($(wc -c <all.zip))) bytes)"
