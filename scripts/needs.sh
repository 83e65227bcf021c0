#!/bin/sh
# Installs what the tests need, if run as root on Debian. Otherwise it prints what is
# missing and fails.
set -eu

postgres() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; }
redis() { command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1; }
compiler() { command -v gcc >/dev/null 2>&1 || command -v clang >/dev/null 2>&1; }
browser() {
	command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
		command -v google-chrome >/dev/null 2>&1
}

missing=""
postgres || missing="$missing postgresql"
redis || missing="$missing redis-server"
compiler || missing="$missing gcc libc6-dev" # the race detector needs cgo
browser || missing="$missing chromium"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing"
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
else
	echo "the tests need:$missing (on Debian: sudo apt-get install$missing)" >&2
	exit 1
fi
