# make test         everything that CI runs
# make noisy        how one caller's load affects the others; part of make test
# make sequential   tests that mean nothing or take too long with the race detector; part of make test
# make conformance  the official MCP conformance suite; part of make test
# make hosts        Claude Code, Codex and others connect to a server by its URL
# make axe          axe-core on every page of the web app
# make pgo          the profile with which releases are optimised
# make fuzz         every fuzz target for a minute
# make build        the static binary, bin/memo
# make bench        a table of what requests cost, and their aims

GO ?= go
FUZZTIME ?= 60s

.PHONY: test needs check vuln race sequential noisy openapi axe pictures conformance hosts build bench pgo fuzz

test: needs check vuln race sequential noisy openapi conformance

# What the tests need besides Go: PostgreSQL, Redis, a C compiler and Chromium. As
# root on Debian they are installed; otherwise a message says what to install.
needs:
	@sh scripts/needs.sh

check:
	@out="$$($(GO) tool -modfile=tools/go.mod gofumpt -l .)"; test -z "$$out" || { echo "$$out"; echo "run gofumpt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

# Known vulnerabilities, if the Go vulnerability database can be reached.
vuln:
	@GO=$(GO) VULN=$(VULN) sh scripts/vuln.sh

# -count=1: the test cache does not notice changes of the binary that e2e builds.
# SQLite, translated from C, is built without the race detector, which triples its CPU
# time and has nothing to find there: Go code does not see its memory. The driver is
# watched. The same holds for compression. GOFLAGS also reaches the build in e2e.
# -vet=off, because check has vetted all packages.
UNWATCHED = modernc.org/sqlite/lib modernc.org/libc modernc.org/memory github.com/klauspost/compress/flate
race:
	GOFLAGS='$(UNWATCHED:%=-gcflags=%=-race=false)' \
		$(GO) test -race -vet=off -count=1 -timeout 40m ./...

# The race detector makes the first and the last five times slower, and allocates in the second. They are skipped with it.
sequential:
	$(GO) test -count=1 -run 'TestInvalidTextIsNoServerError|TestCallsAllocateLittle|TestMemoryOfReading' \
		./internal/server ./internal/transcript/read

# The test has limits in seconds, so it runs alone and without the race detector.
noisy:
	$(GO) test -count=1 -timeout 20m -run TestNoisyNeighbour -v ./e2e

# The linters come from npm. Without npx this step is skipped with a message.
openapi:
	@sh scripts/openapi.sh

# axe-core on every page of the web app, light and dark. It comes from npm and runs
# the browser tests again, so it is not part of make test.
axe:
	@GO=$(GO) sh scripts/axe.sh

# The pictures in the README: the web app with the demo workspace.
pictures:
	MEMO_PICTURES='$(CURDIR)/docs/images' $(GO) test ./e2e -run TestBrowserPictures -count=1

# The official MCP conformance suite and inspector, against a real server. They come
# from npm. Without a suitable Node.js this step is skipped with a message.
conformance:
	@GO=$(GO) sh scripts/conformance.sh

# The programs of hosts, from npm, sign in, call, refresh and lose access. They are large, so this is run by hand.
hosts:
	@GO=$(GO) sh scripts/hosts.sh

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -pgo=cmd/memo/release.pgo -o bin/memo ./cmd/memo

# BENCH selects rows (Request/list). ROWS=1000000 takes longer, most of it to create the rows.
# BEFORE is an older binary that is measured as well; BEFOREDATA is the bench/out of its source.
BENCH ?= .
ROUNDS ?= 5
ROWS ?= 100000
bench: build
	$(GO) test ./bench -run '^$$' -bench '$(BENCH)' -benchtime $(ROUNDS)x -timeout 0 -rows $(ROWS) \
		-memo $(abspath bin/memo) \
		$(if $(BEFORE),-before $(abspath $(BEFORE))) $(if $(BEFOREDATA),-before-data $(abspath $(BEFOREDATA)))

# The profile with which releases are optimised. It is not cmd/memo/default.pgo, with which the tests would compile every
# package twice. Make it again after large changes.
pgo:
	$(GO) test ./bench -run '^$$' -bench Profile -benchtime 10x -timeout 0 -profile $(abspath cmd/memo/release.pgo)

# Every fuzz test, one after the other.
fuzz:
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z]+' . | sed 's/:func / /' | while read -r file name; do \
		$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done
