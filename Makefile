# The commands that people and CI use. Go is enough, except that make race and make sim also need a C compiler. The tools are
# pinned in tools/go.mod and built on first use.

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
UNRACED   = ^Test(Diagnose_Faults|Texts_ArePlainEnglish|Object_EscapesEachByte)
SLOW      = ^TestBinary_NoMethodIsFoundByName
ATTACKS   = ^Test(HostileCaller|SlowClients|LargeBodiesAtOnce|BadInputCosts|KilledUnderLoad|StalledClients|Shutdown_RollingUpdate)

.PHONY: test race attacks check format lint vuln fuzz random sim mutations bench bench-proxy peers live breaking lint-contract lint-bicep package image home home-test

# Many tests wait for a process or a connection, so twice as many packages run at once as there are processors. Results are
# not cached, since some tests build and run the program, which the cache does not notice.
AT_ONCE  := -p $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)) -parallel 8

# The tests run the program in the package, built once for all of them. Like the package, everything is built without cgo and
# with -trimpath, so that it is compiled only once. Compiling takes most of a first run: a compiler that neither writes
# debugging data nor collects garbage needs a fifth less time. Tests have a larger heap, which saves as much again.
UNDER_TEST := $(CURDIR)/dist/test.zip
test attacks stall fuzz sim browser package $(UNDER_TEST): export CGO_ENABLED = 0
test attacks stall fuzz sim race browser package $(UNDER_TEST): export GOFLAGS := $(GOFLAGS) -trimpath -gcflags=all=-dwarf=false
test race: export GOGC = 400
$(UNDER_TEST): export GOGC = off
test race attacks stall sim: export TEST_PACKAGE = $(UNDER_TEST)

.PHONY: $(UNDER_TEST)
$(UNDER_TEST):
	@echo 'Building the program that the tests run.'
	$(GO) build -v ./cli
	$(GO) run ./deploy/package -o $@

## test: all tests, for use while working on a change: two and a half minutes, or one if everything is compiled. Tests that repeat one thing many times run in a short form; SHORT= runs the long form, as CI does. make lint includes the findings of go vet
test: format $(UNDER_TEST)
	@echo 'Building the tests, then a line for each package.'
	$(GO) test $(SHORT) -count=1 -vet=off -skip '$(ATTACKS)|$(SLOW)' $(AT_ONCE) -timeout=10m ./...
	@echo 'Left out: make attacks, which needs the machine for itself, and $(SLOW), which make race runs.'

## race: all tests under the race detector, in random order and in their short form; needs a C compiler. Thousands of diagnoses, texts and bytes, which start no goroutines, are left to make test
race: $(UNDER_TEST)
	@test "$$($(GO) env CGO_ENABLED)" = 1 || { echo 'The race detector needs a C compiler, and CGO_ENABLED=1.'; exit 1; }
	$(GO) test $(SHORT) -race -shuffle=on -vet=off -skip '$(ATTACKS)|$(UNRACED)' $(AT_ONCE) -timeout=15m ./...

## attacks: the service, in a process of its own, under hostile callers and networks; one test at a time, with nothing else running
attacks: $(UNDER_TEST)
	$(GO) test ./cli -count=1 -v -vet=off -timeout=10m -run '$(ATTACKS)'

## stall: a thousand clients that read and write a few bytes per second, for STALL: whether all stay, what memory they take, and how long another caller waits, alone and beside them. make attacks runs a short form
.PHONY: stall
stall: STALL ?= 60s
stall: $(UNDER_TEST)
	$(GO) test ./cli -count=1 -v -vet=off -timeout=20m -run '^TestStalledClientsTakeLittle$$' -stall $(STALL)

## check: everything that CI requires
check: test race attacks lint vuln package

format:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt would change:"; echo "$$files"; exit 1; }

## lint: the linters of .golangci.yml
lint:
	$(TOOL) golangci-lint run ./...
	cd signing/bench && $(GO) tool -modfile=../../tools/go.mod golangci-lint run ./...
	cd workbench/browser && $(GO) tool -modfile=../../tools/go.mod golangci-lint run ./...

## browser: the workbench in a real browser, either $CHROME or Debian's chromium-headless-shell; accessibility by axe-core
.PHONY: browser
browser: dist/axe.min.js
	cd workbench/browser && $(GO) test -count=1 -parallel 6 .

## pictures: docs/pictures, taken of the workbench with the same browser
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

## fuzz: each fuzz test for FUZZTIME, or that many times if it ends in x
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

## fuzz-definitions: a million randomly changed definitions, or DEFINITIONS of them, through connector --from
.PHONY: fuzz-definitions
fuzz-definitions: DEFINITIONS ?= 1000000
fuzz-definitions:
	$(GO) test ./converter -vet=off -count=1 -timeout=0 -v -run '^TestConvert_OddInputs$$' -odd-inputs $(DEFINITIONS)

## random: REQUESTS random requests, each signed by headers and by query, compared with aws-sdk-go-v2 and smithy-go; and the other tests of signing/bench
random:
	cd signing/bench && $(GO) test -tags peers -skip OfVersion4a -timeout=12h -count=1 -v -requests $(REQUESTS) .

## sim: long forms of tests. The session cache in SEEDS virtual lives, ten years in total by default; ten thousand faults over HTTP; a thousand rotations of a certificate, and a thousand configurations under load; a million key pairs, and a million requests from users with tokens; PAIRS changed requests decided on again; every bit of signed requests flipped; all workflow definitions behind both kinds of Functions host; GENERATED refusals diagnosed in four settings
sim: $(UNDER_TEST)
	$(GO) test ./credentials -run '^TestSimulation$$' -timeout=20m -v -seeds $(SEEDS)
	$(GO) test ./credentials -run '^TestKeys$$' -v -pairs 1000000
	$(GO) test ./credentials -run '^TestLogins_TwoUsersNeverShareASession$$' -v -logins 1000000
	CGO_ENABLED=1 $(GO) test -race ./credentials -run '^TestFaultsOverHTTP$$' -timeout=20m -v -faults $(FAULTS)
	CGO_ENABLED=1 $(GO) test -race ./credentials -run '^TestRolesAnywhere_RotationsFailNoRequest$$' -v -rotations $(ROTATIONS)
	CGO_ENABLED=1 $(GO) test -race ./cli -run '^TestReload_EachRequestHasOneGeneration$$' -timeout=30m -v -reloads $(RELOADS)
	$(GO) test ./access -run '^TestDeniedRequestsStayDenied$$' -timeout=60m -v -mutations $(PAIRS)
	$(GO) test ./handlers -run '^TestPolicies_DecideOnWhatTheSignatureCovers$$' -timeout=60m -v -pairs $(PAIRS)
	$(GO) test ./sandbox -run '^TestGatewayRefusesEveryFlippedBit$$' -v -bits 8
	$(GO) test ./internal/chain -run '^TestBehindBothKindsOfHost$$' -whole
	$(GO) test ./diagnosis -run '^TestDiagnose_GeneratedMistakes$$' -timeout=2h -v -generated $(GENERATED)

## sim-fleet: fleets of up to 1000 instances with up to 10,000 profiles calling one STS, with the real cache and virtual time: the table of docs/operations.md
.PHONY: sim-fleet
sim-fleet:
	$(GO) test ./credentials -run '^TestFleet' -vet=off -count=1 -timeout=2h -v -fleets

## mutations: whether a test notices that an operation leaves no audit record. One build for each way to leave it out
mutations:
	$(GO) test ./api -tags mutations -run '^TestMutations_' -timeout=20m -count=1 -v

## bench: Signature Version 4 compared with other signers: a benchstat table, then CPU times as ratios to the cost of the cryptography and to aws-sdk-go-v2; then the service under attack, with times and memory
bench:
	mkdir -p dist
	cd signing/bench && $(GO) test -run '^$$' -bench . -benchtime 200ms -count 6 -cpu 1 . > ../../dist/bench.txt || { cat ../../dist/bench.txt; exit 1; }
	$(TOOL) benchstat -row /request -col /signer dist/bench.txt
	cd signing/bench && $(GO) run .
	$(GO) test ./cli -count=1 -v -run 'TestHostileCaller|TestLargeBodiesAtOnce|TestBadInputCosts|TestKilledUnderLoad|TestFullDisk|TestShutdown'

## bench-proxy: the proxy compared with httputil.ReverseProxy, plain and with the signer of aws-sdk-go-v2: CPU time and memory of the proxy alone, as ratios; then /v1/send compared with what it wraps, and how late events arrive. BENCH='-rounds 3 -match GET' makes it short
bench-proxy:
	mkdir -p dist
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o dist/countersign .
	$(GO) run ./internal/proxybench -product dist/countersign $(BENCH)

## bench-service: the service compared with a constant response by net/http and a simple service with the signer of aws-sdk-go-v2: CPU time, waiting and memory, as ratios; then metrics, starts, and what grows with policies, profiles, keys, connections and bodies. BENCH='-rounds 3 -parts load' makes it short, BENCH='-parts metrics' shows what metrics add
.PHONY: bench-service
bench-service:
	mkdir -p dist
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o dist/countersign .
	$(GO) run ./internal/servicebench -product dist/countersign $(BENCH)

## peers: the same requests to other implementations' servers; installs what it needs
peers:
	$(GO) test -tags peers -timeout=30m -count=1 -v ./internal/peers/...
	$(GO) test -tags peers -timeout=30m -count=1 -v -run '^TestPeers_' ./diagnosis ./credentials
	$(GO) test -race -tags peers -timeout=10m -count=1 -v -run '^TestTraces_' ./telemetry

## live: what reading can produce of the status table against AWS itself, with the keys in the environment; without keys it says so and sends nothing. LIVE_OUT=FOLDER keeps the responses
live:
	$(GO) test -timeout=10m -count=1 -v -run '^TestLive_' ./internal/live -args -live

## breaking: changes in openapi.yaml that would break callers of the last release or, before the first one, of the last commit
breaking:
	$(TOOL) oasdiff breaking --fail-on ERR --severity-levels connector/oasdiff-levels.txt "$$(git describe --tags --abbrev=0 2>/dev/null || echo HEAD):openapi.yaml" openapi.yaml

## lint-contract: checks openapi.yaml with Redocly and Spectral; needs Node.js
lint-contract:
	npx -y @redocly/cli@2.77.0 lint openapi.yaml
	npx -y @stoplight/spectral-cli@6.16.3 lint --ruleset connector/spectral.yaml openapi.yaml

## lint-bicep: checks the syntax of deploy/azure/main.bicep; needs Node.js
lint-bicep:
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix dist/bicep web-tree-sitter@0.27.1 tree-sitter-bicep@1.1.0
	NODE_PATH=dist/bicep/node_modules node deploy/azure/parse.cjs deploy/azure/main.bicep

## lint-workflows: checks the GitHub workflows with actionlint, and with shellcheck if installed. It is not in tools/go.mod because its YAML library is older than the one that those tools use
.PHONY: lint-workflows
lint-workflows:
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

## package: dist/countersign.zip, the Azure Functions package; FILES='countersign.yaml policies.cedar' adds files
package:
	$(GO) run ./deploy/package -o dist/countersign.zip $(FILES)

## release: dist/release with archives for six platforms, the Azure Functions package and SHA256SUMS; SBOM=1 adds lists of the modules
.PHONY: release compare
release:
	SBOM=$(SBOM) deploy/release/build.sh

## compare: checks that two builds from two clones, the second without a cache, produce the same binary and package
compare:
	deploy/release/build.sh --compare

## home: makes MODULE=github.com/acme/countersign the module path and the address in contract, connector and documents, and CONTACT=you@example.org the mail address
home:
	$(GO) run ./internal/home -module '$(MODULE)' -contact '$(CONTACT)'

## home-test: checks on a copy that the project builds and its tests pass after make home
home-test:
	$(GO) test ./internal/home -run '^TestHome_MovesTheProject$$' -count=1 -v -full

## image: the container image
image:
	docker build --tag countersign .
