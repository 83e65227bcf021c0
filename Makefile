# make test   everything that CI runs
# make noisy  what one caller's load costs the others, a part of make test
# make build  the static binary, bin/memo
# make bench  the table of CPU per request
# make fuzz   every fuzz target for a minute
# make conformance   MCP's own tests of a server, the last part of make test
# make axe    axe-core on every page of the web app

GO ?= go
FUZZTIME ?= 60s

.PHONY: test needs check vuln race noisy openapi axe conformance build bench fuzz

test: needs check vuln race noisy openapi conformance

# What the tests need and Go does not bring: the servers of PostgreSQL and Redis.
# On Debian as root they are installed; elsewhere one line says what to install.
needs:
	@sh scripts/needs.sh

check:
	@out="$$($(GO) tool -modfile=tools/go.mod gofumpt -l .)"; test -z "$$out" || { echo "$$out"; echo "run gofumpt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

# Known vulnerabilities, where Go's database of them can be reached.
vuln:
	@GO=$(GO) VULN=$(VULN) sh scripts/vuln.sh

# Go's cache of results does not know that e2e tests the binary it builds.
race:
	$(GO) test -race -count=1 -timeout 40m ./...

# Its bounds are in seconds, so it runs alone and without the race detector.
noisy:
	$(GO) test -count=1 -timeout 20m -run TestNoisyNeighbour -v ./e2e

# The linters come from npm. Without npx this step is left out, and says so.
openapi:
	@sh scripts/openapi.sh

# axe-core on every page of the site, light and dark. It comes from npm, and runs the
# browser flows once more, so it is not a part of make test.
axe:
	@GO=$(GO) sh scripts/axe.sh

# MCP's official suite and inspector, against a real server. They come from npm;
# where no Node.js that runs them can be had, this step is left out, and says so.
conformance:
	@GO=$(GO) sh scripts/conformance.sh

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/memo ./cmd/memo

bench:
	$(GO) run ./bench

fuzz:
	$(GO) test -run '^$$' -fuzz FuzzRead$$ -fuzztime $(FUZZTIME) ./internal/transcript
	$(GO) test -run '^$$' -fuzz FuzzRoundTrip -fuzztime $(FUZZTIME) ./internal/transcript
	$(GO) test -run '^$$' -fuzz FuzzSearch -fuzztime $(FUZZTIME) ./internal/search
	$(GO) test -run '^$$' -fuzz FuzzParseKey -fuzztime $(FUZZTIME) ./internal/credential
	$(GO) test -run '^$$' -fuzz FuzzDecode -fuzztime $(FUZZTIME) ./internal/rest
	$(GO) test -run '^$$' -fuzz FuzzParse$$ -fuzztime $(FUZZTIME) ./internal/mcp
	$(GO) test -run '^$$' -fuzz FuzzLines -fuzztime $(FUZZTIME) ./internal/bridge
	$(GO) test -run '^$$' -fuzz FuzzKeysInQuery -fuzztime $(FUZZTIME) ./internal/gate
	$(GO) test -run '^$$' -fuzz FuzzBearer -fuzztime $(FUZZTIME) ./internal/gate
