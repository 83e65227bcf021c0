#!/bin/sh
# Runs axe-core on every page that the browser tests visit, light and dark. A
# violation fails the test. axe-core comes from npm and is not in the repository.
set -eu
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null 2>&1; then
	echo "skipping axe-core: it needs npm"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
(cd "$dir" && npm pack --silent axe-core@4.14.1 >/dev/null && tar -xzf axe-core-4.14.1.tgz package/axe.min.js)
MEMO_AXE="$dir/package/axe.min.js" "${GO:-go}" test -count=1 ./e2e -run '^TestBrowser'
