# Everything that is done with Souk's source. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Where Go's own installer puts it, for shells that were not told.
export PATH := $(PATH):/usr/local/go/bin
# One static program; no compiler for C is needed.
export CGO_ENABLED := 0
# All is compiled in one way, which what tests build shares.
export GOFLAGS := $(GOFLAGS) -buildvcs=false -trimpath

GIT := git -c safe.directory=*
VERSION := $(shell $(GIT) describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help run build image image-push test bench demo-month race storm e2e e2e-smoke bench-e2e testbed-up testbed-down generate clean setup setup-tests

help: ## List these
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup build ## Install what is missing, build, and start Souk at http://127.0.0.1:8080 (SOUK_LISTEN, SOUK_DATA_DIR move it)
	@exec ./bin/souk dev

build: ## Build ./bin/souk, and ./bin/souk-objectstore, which keeps souk dev's backups
	@go build -ldflags "-X main.version=$(VERSION)" -o bin/souk ./cmd/souk
	@go build -C deploy/objectstore -ldflags "-s -w" -o $(CURDIR)/bin/souk-objectstore github.com/versity/versitygw/cmd/versitygw

image: build ## Make ./bin/souk.oci.tar, the container image (an OCI layout; needs no container runtime)
	@go run -C deploy/image . build -program $(CURDIR)/bin/souk -version $(VERSION) -out $(CURDIR)/bin/souk.oci.tar

image-push: image ## Push the image (REGISTRY=registry.example/path; TAG, the version unless given; PUSH_FLAGS=-plain-http)
	@test -n "$(REGISTRY)" || { echo "say where to: make image-push REGISTRY=registry.example/path"; exit 2; }
	@go run -C deploy/image . push -from $(CURDIR)/bin/souk.oci.tar $(PUSH_FLAGS) $(REGISTRY)/souk:$(or $(TAG),$(VERSION))

test: setup-tests ## Install what is missing and run every test that needs no Kubernetes
	@scripts/test.sh

race: ## Run the tests with the race detector (needs gcc)
	CGO_ENABLED=1 go test -race ./...

bench: setup build ## Print each benchmark with its baseline and ratio (BENCH_FLAGS="-run list"; -write writes docs/benchmarks.md)
	@go run ./test/bench -souk bin/souk $(BENCH_FLAGS)

demo-month: setup-tests build ## Play a month of customers on a moved clock, in a zone that is marked simulated, and check what it comes to (DEMO_FLAGS=-stay)
	@go run ./test/demomonth -souk bin/souk $(DEMO_FLAGS)

storm: setup-tests ## Kill parts at random under orders (takes minutes)
	@go test -tags crash,crashtest -count 1 -timeout 15m -run 'TestPartsKilledUnderOrders|TestEachProcessKilled' -v ./test/crash

e2e: ## Build and start the Kubernetes test bed, run its tests, and take it down (root; KUBECONFIG: use that cluster instead)
	@test/testbed/e2e

e2e-smoke: ## The core of them, on one node
	@test/testbed/e2e --smoke

bench-e2e: ## Measure orders, failovers and an agent with many instances in a cluster, each beside its baseline
	@test/testbed/e2e --figures

testbed-up: ## Start the Kubernetes test bed and keep it (root; NODES=3); prints its kubeconfig
	@scripts/setup.sh --e2e
	@test/testbed/up

testbed-down: ## Take the test bed down; nothing of it stays but its caches
	@test/testbed/down

generate: ## Make the generated code again
	@scripts/generate.sh

clean: ## Remove what was built (not the data in .souk)
	rm -rf bin

setup:
	@scripts/setup.sh

setup-tests:
	@scripts/setup.sh --tests
