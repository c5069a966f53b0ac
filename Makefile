# What people and CI call alike. Go is enough; the race detector also wants a C
# compiler, and is left out, with a word, where there is none. The tools are
# pinned in tools/go.mod and built on first use.

GO       ?= go
TOOL      = $(GO) tool -modfile=tools/go.mod
RACE     := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
FUZZTIME ?= 60s

.PHONY: test check format lint vuln fuzz bench package image

## test: all tests, with what every change must pass before them
test: format
	@test -n "$(RACE)" || echo 'No C compiler: testing WITHOUT the race detector.'
	$(GO) vet ./...
	$(GO) test $(RACE) -shuffle=on -timeout=10m ./...

## check: everything that CI demands
check: test lint vuln package

format:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt would change:"; echo "$$files"; exit 1; }

## lint: the linters of .golangci.yml
lint:
	$(TOOL) golangci-lint run ./...

## vuln: known vulnerabilities in what the program calls; needs https://vuln.go.dev
vuln:
	$(TOOL) govulncheck ./...

## fuzz: each fuzz test for FUZZTIME
fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
		for test in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$test"; \
			$(GO) test -run='^$$' -fuzz="^$$test\$$" -fuzztime=$(FUZZTIME) $$package; \
		done; \
	done

## bench: every benchmark once
bench:
	$(GO) test -run='^$$' -bench=. -benchmem ./...

## package: dist/countersign.zip, the Azure Functions package
package:
	$(GO) run ./deploy/package -o dist/countersign.zip

## image: the container
image:
	docker build --tag countersign .
