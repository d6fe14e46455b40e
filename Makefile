# Everything that is done with Souk's source. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Where Go's own installer puts it, for shells that were not told.
export PATH := $(PATH):/usr/local/go/bin
# One static program; no compiler for C is needed.
export CGO_ENABLED := 0
export GOFLAGS := $(GOFLAGS) -buildvcs=false

GIT := git -c safe.directory=*
VERSION := $(shell $(GIT) describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help run build test bench race storm generate clean setup setup-tests

help: ## List these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup build ## Install what is missing, build, and start Souk at http://127.0.0.1:8080 (SOUK_LISTEN, SOUK_DATA_DIR move it)
	@exec ./bin/souk dev

build: ## Build ./bin/souk
	@go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/souk ./cmd/souk

test: setup-tests ## Install what is missing and run every test that needs no Kubernetes
	@scripts/test.sh

race: ## Run the tests with the race detector (needs gcc)
	CGO_ENABLED=1 go test -race ./...

bench: setup build ## Print each benchmark with its baseline and ratio (BENCH_FLAGS="-run list"; -write writes docs/benchmarks.md)
	@go run ./test/bench -souk bin/souk $(BENCH_FLAGS)

storm: setup-tests ## Kill parts at random under orders (takes minutes)
	@go test -tags crash,crashtest -count 1 -timeout 15m -run 'TestPartsKilledUnderOrders|TestEachProcessKilled' -v ./test/crash

generate: ## Make the generated code again
	@scripts/generate.sh

clean: ## Remove what was built (not the data in .souk)
	rm -rf bin

setup:
	@scripts/setup.sh

setup-tests:
	@scripts/setup.sh --tests
