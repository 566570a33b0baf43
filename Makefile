# `make help` lists the targets. Continuous integration calls .ci/run, which is
# `make test` and `make lint`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# A newer Go is installed on purpose, not by a line in some go.mod.
export GOTOOLCHAIN = local

# Tools are pinned in a modfile of their own, so that their dependencies (buf
# wants a pre-release of protobuf) stay out of the product's. One file is enough
# for all three. `go mod tidy` fails on it, for want of a module that buf's tests
# need and nobody publishes. To update: `go get -modfile=.ci/tools.mod -tool PACKAGE@VERSION`.
# protoc-gen-go is not among them: buf.gen.yaml runs the one that belongs to the
# protobuf runtime in go.mod.
TOOLS    := -modfile=$(CURDIR)/.ci/tools.mod
BUF      := go tool $(TOOLS) buf
GOLANGCI := go tool $(TOOLS) golangci-lint

# The programs that tests start. A test that needs one and finds its variable
# empty fails and says `make tools`; it does not skip. In the environment a
# variable of the same name wins, for trying another version.
#   HOOKAUTHZ_ENVOY  Envoy
#   HOOKAUTHZ_BAO    OpenBao's `bao`, which speaks Vault's API
#   HOOKAUTHZ_REDIS  Redis
#   HOOKAUTHZ_BIN    hookauthz itself; built for the tests in test/ only
export HOOKAUTHZ_ENVOY ?= $(CURDIR)/.tools/bin/envoy
export HOOKAUTHZ_BAO   ?= $(CURDIR)/.tools/bin/bao
export HOOKAUTHZ_REDIS ?= $(CURDIR)/.tools/bin/redis-server
export HOOKAUTHZ_BIN   ?= $(CURDIR)/bin/hookauthz

# The end-to-end tests are a module of their own.
TEST_MODULE := $(wildcard test/go.mod)

FUZZTIME   ?= 5m
BENCHCOUNT ?= 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary bin/hookauthz
	CGO_ENABLED=0 go build -trimpath -buildvcs=auto -o bin/hookauthz .

.PHONY: tools
tools: ## Install the programs that tests start (Envoy, OpenBao, Redis) into .tools/bin
	@.ci/install-peers

# --- tests

# One after the other even under -j: each fills the machine by itself.
.PHONY: test
test: ## Run all tests, with the race detector
	@$(MAKE) --no-print-directory test-unit
	@$(MAKE) --no-print-directory test-e2e

.PHONY: test-unit
test-unit: tools ## Vet and test the main module, and run its benchmarks once
	go vet ./...
	go test -race -shuffle=on ./...
	go test -run '^(TestAllocations|TestFailuresCostAlike)$$' ./authz/check/mac ./authz/scheme/jwe # they count, which -race disturbs
	@$(MAKE) --no-print-directory bench-smoke

.PHONY: test-e2e
ifdef TEST_MODULE
test-e2e: tools build ## Vet and test the module in test/ against the real programs
	cd test && go vet -tags e2e ./...
	cd test && go test -race -shuffle=on -tags e2e ./...
	cd test && go test -tags e2e -run '^TestReplayStoreMillion$$' ./e2e # message by message, too slow for -race
else
test-e2e:
	@echo 'test-e2e: there is no test/go.mod yet, so nothing to run'
endif

# go test takes one fuzz target at a time. All are tried, even after a failure.
.PHONY: fuzz
fuzz: tools ## Run each fuzz target for FUZZTIME (5m); commit what lands in testdata/fuzz
	@go test -list '^Fuzz' ./... \
		| awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}' \
		| { status=0; while read -r package name; do \
			echo "=== $$package $$name"; \
			go test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) "$$package" </dev/null || status=1; \
		done; exit $$status; }

.PHONY: fuzz-short
fuzz-short: ## Run each fuzz target for 10s
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10s

# A claim of speed is `benchstat old.txt new.txt` of two runs with BENCHCOUNT=10.
.PHONY: bench
bench: ## Run the benchmarks BENCHCOUNT (1) times
	go test -run='^$$' -bench=. -benchmem -count=$(BENCHCOUNT) ./...

# Keeps benchmarks from breaking unseen. -short leaves out the one that takes
# minutes; vet has run before.
.PHONY: bench-smoke
bench-smoke: tools ## Run each benchmark once, except the long one
	go test -short -vet=off -run='^$$' -bench=. -benchtime=1x ./...

# --- generated files

.PHONY: generate
generate: ## Write gen/ and deploy/hookauthz.schema.json from proto/
	$(BUF) generate
	@mkdir -p deploy
	go run ./.ci/schema -in .tools/jsonschema -out deploy/hookauthz.schema.json

.PHONY: generate-check
generate-check: ## Fail if `make generate` would change something
	@echo 'comparing gen/ and deploy/hookauthz.schema.json with what proto/ gives'
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	$(BUF) generate -o "$$out"; \
	go run ./.ci/schema -in "$$out/.tools/jsonschema" -out "$$out/schema.json"; \
	diff -ru gen "$$out/gen" && diff -u deploy/hookauthz.schema.json "$$out/schema.json" \
		|| { echo 'run `make generate` and commit the result' >&2; exit 1; }

.PHONY: fmt
fmt: ## Format Go and proto files
	$(GOLANGCI) fmt
	$(BUF) format -w --exclude-path proto/third_party/buf

# --- linters

.PHONY: lint
lint: lint-go lint-proto lint-mod lint-sh generate-check ## Run all linters

.PHONY: lint-go
lint-go: ## Lint Go files, and check their format
	$(GOLANGCI) config verify
	$(GOLANGCI) run ./...
	$(GOLANGCI) run ./.ci/schema
	go test ./.ci/schema
ifdef TEST_MODULE
	cd test && $(GOLANGCI) run ./...
endif
	$(GOLANGCI) fmt --diff

# Policies are files in other people's hands, so a release binds us: protos are
# compared with the newest tag. Until there is one they are compared with the
# commit before.
.PHONY: lint-proto
lint-proto: ## Lint protos, check their format, compare them with the latest release
	$(BUF) format --diff --exit-code --exclude-path proto/third_party/buf
	$(BUF) lint
	@base=$$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse --verify --quiet HEAD~1 || true); \
	if [[ -z $$base ]]; then \
		echo 'buf breaking: skipped, there is no commit before this one'; \
	elif ! git cat-file -e "$$base:proto" 2>/dev/null; then \
		echo "buf breaking: skipped, $$base has no proto folder"; \
	else \
		echo "buf breaking --against $$base"; \
		old=$$(mktemp -d); trap 'rm -rf "$$old"' EXIT; \
		git archive "$$base" buf.yaml proto | tar -x -C "$$old"; \
		$(BUF) breaking --exclude-imports --against "$$old"; \
	fi

.PHONY: lint-mod
lint-mod: ## Check that go.mod and go.sum are tidy
	go mod tidy -diff
	go mod verify
ifdef TEST_MODULE
	cd test && go mod tidy -diff
endif

.PHONY: lint-sh
lint-sh: ## Parse the shell scripts
	@while read -r script; do echo "bash -n $$script"; bash -n "$$script"; done < <( \
		grep -rlE --exclude-dir=.git --exclude-dir=.tools --exclude-dir=bin '^#!.*\b(ba)?sh$$' . | sort)

.PHONY: clean
clean: ## Remove what was built or installed: bin/ and .tools/
	rm -rf bin .tools
