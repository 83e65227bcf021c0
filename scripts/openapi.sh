#!/bin/sh
# Checks the OpenAPI document with two linters from npm. An error fails the run.
set -eu
cd "$(dirname "$0")/.."

if ! command -v npx >/dev/null 2>&1; then
	echo "skipping the OpenAPI linters: they need Node.js 20 or newer (npx)"
	exit 0
fi
doc=internal/rest/testdata/openapi.json
npx --yes @redocly/cli@2.77.0 lint "$doc"
npx --yes @stoplight/spectral-cli@6.16.3 lint --ruleset scripts/spectral.yaml --fail-severity error "$doc"
