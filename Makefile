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

.PHONY: help run build image image-push test bench race storm generate clean setup setup-tests

help: ## List these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup build ## Install what is missing, build, and start Souk at http://127.0.0.1:8080 (SOUK_LISTEN, SOUK_DATA_DIR move it)
	@exec ./bin/souk dev

build: ## Build ./bin/souk
	@go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/souk ./cmd/souk

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
