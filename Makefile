# What people and CI call alike. Go is enough; make race and make sim also need a C compiler.
# The tools are pinned in tools/go.mod and built on first use.

GO       ?= go
TOOL      = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 60s
GENERATED ?= 5000
SEEDS    ?= 1000
ROTATIONS ?= 1000
FAULTS   ?= 10000
RELOADS  ?= 1000
PAIRS    ?= 1000000
REQUESTS ?= 250000
SHORT    ?= -short
UNRACED   = ^TestDiagnose_Faults
SLOW      = ^TestBinary_NoMethodIsFoundByName
ATTACKS   = ^Test(HostileCaller|SlowClients|LargeBodiesAtOnce|BadInputCosts|KilledUnderLoad|StalledClients|Shutdown_RollingUpdate)

.PHONY: test race attacks check format lint vuln fuzz random sim mutations bench bench-proxy peers live breaking lint-contract lint-bicep package image home home-test

# Many tests wait for a process or a connection: twice as many packages at once as there are processors. Results are
# not cached, since some tests build and run the program, which the cache does not see.
AT_ONCE  := -p $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)) -parallel 8

# The program that tests run is the one of the package, built once for all of them. What is built without cgo and with
# -trimpath, as the package is, is compiled once for everything. Compiling is most of a first run: a compiler that neither
# writes what debuggers read nor collects garbage takes a fifth less. Tests have a larger heap, which saves as much.
UNDER_TEST := $(CURDIR)/dist/test.zip
test attacks fuzz sim browser package $(UNDER_TEST): export CGO_ENABLED = 0
test attacks fuzz sim race browser package $(UNDER_TEST): export GOFLAGS := $(GOFLAGS) -trimpath -gcflags=all=-dwarf=false
test race: export GOGC = 400
$(UNDER_TEST): export GOGC = off
test race attacks sim: export TEST_PACKAGE = $(UNDER_TEST)

.PHONY: $(UNDER_TEST)
$(UNDER_TEST):
	@echo 'Building the program that the tests run.'
	$(GO) build -v ./cli
	$(GO) run ./deploy/package -o $@

## test: all tests, for each change while it is made: two and a half minutes, one when all is compiled. Tests that repeat one thing many times have a short form, which is taken here; with SHORT= the long one, as CI does. make lint has the findings of go vet
test: format $(UNDER_TEST)
	@echo 'Building the tests, then a line for each package.'
	$(GO) test $(SHORT) -count=1 -vet=off -skip '$(ATTACKS)|$(SLOW)' $(AT_ONCE) -timeout=10m ./...
	@echo 'Left out: make attacks, which wants the machine for itself, and $(SLOW), which make race runs.'

## race: all tests under the race detector, in random order and in their short form; needs a C compiler. Thousands of diagnoses, which have no goroutines, are left to make test
race: $(UNDER_TEST)
	@test "$$($(GO) env CGO_ENABLED)" = 1 || { echo 'The race detector needs a C compiler, and CGO_ENABLED=1.'; exit 1; }
	$(GO) test $(SHORT) -race -shuffle=on -vet=off -skip '$(ATTACKS)|$(UNRACED)' $(AT_ONCE) -timeout=15m ./...

## attacks: the service, in a process of its own, under callers and networks that mean it ill; one test after the other, and nothing beside them
attacks: $(UNDER_TEST)
	$(GO) test ./cli -count=1 -v -vet=off -timeout=10m -run '$(ATTACKS)'

## check: everything that CI demands
check: test race attacks lint vuln package

format:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt would change:"; echo "$$files"; exit 1; }

## lint: the linters of .golangci.yml
lint:
	$(TOOL) golangci-lint run ./...
	cd signing/bench && $(GO) tool -modfile=../../tools/go.mod golangci-lint run ./...
	cd workbench/browser && $(GO) tool -modfile=../../tools/go.mod golangci-lint run ./...

## browser: the workbench in a real browser, which is the one of $CHROME or Debian's chromium-headless-shell; accessibility by axe-core
.PHONY: browser
browser: dist/axe.min.js
	cd workbench/browser && $(GO) test -count=1 -parallel 6 .

## pictures: docs/pictures, taken of the workbench by the same browser
.PHONY: pictures
pictures:
	cd workbench/browser && $(GO) test -count=1 -run '^TestPictures$$' . -args -pictures $(CURDIR)/docs/pictures

dist/axe.min.js:
	mkdir -p dist
	cd dist && npm pack --silent axe-core@4.14.1 >/dev/null && tar -xzOf axe-core-*.tgz package/axe.min.js > axe.part
	rm dist/axe-core-*.tgz && mv dist/axe.part $@

## vuln: known vulnerabilities in what the program calls; needs https://vuln.go.dev
vuln:
	$(TOOL) govulncheck ./...

## fuzz: each fuzz test for FUZZTIME, or so many times when it ends in x
fuzz:
	@set -e; mkdir -p dist; for dir in $$(grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		cd $(CURDIR)/$$dir; \
		$(GO) test -vet=off -c -fuzz=. -o $(CURDIR)/dist/fuzz.test .; \
		found=$$($(GO) env GOCACHE)/fuzz/$$($(GO) list .); \
		for test in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' *_test.go); do \
			echo "$$dir $$test"; \
			out=$$($(CURDIR)/dist/fuzz.test -test.run='^$$' -test.fuzz="^$$test\$$" -test.fuzztime=$(FUZZTIME) -test.fuzzminimizetime=1s \
				-test.fuzzcachedir=$$found 2>&1) || { echo "$$out"; exit 1; }; \
			echo "$$out" | tail -n 2 | head -n 1; case "$$out" in *'no fuzz tests'*) exit 1;; esac; \
		done; \
	done

## fuzz-definitions: a million definitions changed at random, or DEFINITIONS of them, through connector --from
.PHONY: fuzz-definitions
fuzz-definitions: DEFINITIONS ?= 1000000
fuzz-definitions:
	$(GO) test ./converter -vet=off -count=1 -timeout=0 -v -run '^TestConvert_OddInputs$$' -odd-inputs $(DEFINITIONS)

## random: REQUESTS random requests, each signed by headers and by query, as aws-sdk-go-v2 signs them and as smithy-go does; with the other tests of signing/bench
random:
	cd signing/bench && $(GO) test -tags peers -skip OfVersion4a -timeout=12h -count=1 -v -requests $(REQUESTS) .

## sim: long forms of tests. The cache of sessions through SEEDS virtual lives, ten years in all by default; ten thousand faults over HTTP; a thousand rotations of a certificate, and a thousand configurations under load; a million pairs of keys, and a million requests of users with tokens; PAIRS changed requests decided on again; each bit of signed requests flipped; all workflow definitions behind both kinds of Functions host; GENERATED refusals diagnosed in four settings
sim: $(UNDER_TEST)
	$(GO) test ./credentials -run '^TestSimulation$$' -timeout=20m -v -seeds $(SEEDS)
	$(GO) test ./credentials -run '^TestKeys$$' -v -pairs 1000000
	$(GO) test ./credentials -run '^TestLogins_TwoUsersNeverShareASession$$' -v -logins 1000000
	CGO_ENABLED=1 $(GO) test -race ./credentials -run '^TestFaultsOverHTTP$$' -timeout=20m -v -faults $(FAULTS)
	CGO_ENABLED=1 $(GO) test -race ./credentials -run '^TestRolesAnywhere_RotationsFailNoRequest$$' -v -rotations $(ROTATIONS)
	CGO_ENABLED=1 $(GO) test -race ./cli -run '^TestReload_EachRequestHasOneGeneration$$' -timeout=30m -v -reloads $(RELOADS)
	$(GO) test ./access -run '^TestDeniedRequestsStayDenied$$' -timeout=60m -v -mutations $(PAIRS)
	$(GO) test ./handlers -run '^TestPolicies_DecideOnWhatTheSignatureHolds$$' -timeout=60m -v -pairs $(PAIRS)
	$(GO) test ./sandbox -run '^TestGatewayRefusesEveryFlippedBit$$' -v -bits 8
	$(GO) test ./internal/chain -run '^TestBehindBothKindsOfHost$$' -whole
	$(GO) test ./diagnosis -run '^TestDiagnose_GeneratedMistakes$$' -timeout=2h -v -generated $(GENERATED)

## sim-fleet: fleets of up to 1000 instances with up to 10,000 profiles before one STS, with the real cache and virtual time: the table of docs/operations.md
.PHONY: sim-fleet
sim-fleet:
	$(GO) test ./credentials -run '^TestFleet' -vet=off -count=1 -timeout=2h -v -fleets

## mutations: does a test see it when an operation leaves no audit record? One build for each way to leave it out
mutations:
	$(GO) test ./api -tags mutations -run '^TestMutations_' -timeout=20m -count=1 -v

## bench: Signature Version 4 beside other signers: the table of benchstat, then CPU times with ratios to the cost of the cryptography and to aws-sdk-go-v2; then the service under attack, with times and memory
bench:
	mkdir -p dist
	cd signing/bench && $(GO) test -run '^$$' -bench . -benchtime 200ms -count 6 -cpu 1 . > ../../dist/bench.txt || { cat ../../dist/bench.txt; exit 1; }
	$(TOOL) benchstat -row /request -col /signer dist/bench.txt
	cd signing/bench && $(GO) run .
	$(GO) test ./cli -count=1 -v -run 'TestHostileCaller|TestLargeBodiesAtOnce|TestBadInputCosts|TestKilledUnderLoad|TestFullDisk|TestShutdown'

## bench-proxy: the proxy beside httputil.ReverseProxy, bare and with the signer of aws-sdk-go-v2: CPU time and memory of the proxy alone, in ratios; then /v1/send beside what it wraps, and how late events arrive. BENCH='-rounds 3 -match GET' makes it short
bench-proxy:
	mkdir -p dist
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o dist/countersign .
	$(GO) run ./internal/proxybench -product dist/countersign $(BENCH)

## bench-service: the service beside a constant answer of net/http and a simple service with the signer of aws-sdk-go-v2: CPU time, waiting and memory, in ratios; then metrics, starts, and what grows with policies, profiles, keys, connections and bodies. BENCH='-rounds 3 -parts load' makes it short, BENCH='-parts metrics' is what metrics add
.PHONY: bench-service
bench-service:
	mkdir -p dist
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o dist/countersign .
	$(GO) run ./internal/servicebench -product dist/countersign $(BENCH)

## peers: the same requests before servers that are not ours; installs what it needs
peers:
	$(GO) test -tags peers -timeout=30m -count=1 -v ./internal/peers/...
	$(GO) test -tags peers -timeout=30m -count=1 -v -run '^TestPeers_' ./diagnosis ./credentials
	$(GO) test -race -tags peers -timeout=10m -count=1 -v -run '^TestTraces_' ./telemetry

## live: the status table before AWS itself, with the keys of the environment; without keys it says so and asks nothing. LIVE_OUT=FOLDER keeps the answers
live:
	$(GO) test -tags live -timeout=10m -count=1 -v ./internal/live

## breaking: what in openapi.yaml would break the callers of the last release or, before the first, of the last commit
breaking:
	$(TOOL) oasdiff breaking --fail-on ERR --severity-levels connector/oasdiff-levels.txt "$$(git describe --tags --abbrev=0 2>/dev/null || echo HEAD):openapi.yaml" openapi.yaml

## lint-contract: openapi.yaml by Redocly and Spectral; needs Node.js
lint-contract:
	npx -y @redocly/cli@2.77.0 lint openapi.yaml
	npx -y @stoplight/spectral-cli@6.16.3 lint --ruleset connector/spectral.yaml openapi.yaml

## lint-bicep: is deploy/azure/main.bicep Bicep at all; needs Node.js
lint-bicep:
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix dist/bicep web-tree-sitter@0.27.1 tree-sitter-bicep@1.1.0
	NODE_PATH=dist/bicep/node_modules node deploy/azure/parse.cjs deploy/azure/main.bicep

## lint-workflows: the workflows of GitHub by actionlint, with shellcheck where it is installed. Its YAML library is older than what the tools of tools/go.mod use
.PHONY: lint-workflows
lint-workflows:
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

## package: dist/countersign.zip, the Azure Functions package; FILES='countersign.yaml policies.cedar' to take along
package:
	$(GO) run ./deploy/package -o dist/countersign.zip $(FILES)

## release: dist/release with archives for six platforms, the Azure Functions package and SHA256SUMS; SBOM=1 for the lists of modules
.PHONY: release compare
release:
	SBOM=$(SBOM) deploy/release/build.sh

## compare: two builds from two clones, the second without a cache, give the same binary and the same package
compare:
	deploy/release/build.sh --compare

## home: MODULE=github.com/acme/countersign as the module path and the address in contract, connector and documents; CONTACT=you@example.org for mail
home:
	$(GO) run ./internal/home -module '$(MODULE)' -contact '$(CONTACT)'

## home-test: does the project build, and do its tests pass, after make home? On a copy
home-test:
	$(GO) test ./internal/home -run '^TestHome_MovesTheProject$$' -count=1 -v -full

## image: the container
image:
	docker build --tag countersign .
