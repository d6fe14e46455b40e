#!/usr/bin/env bash
# Runs every test, each stage with the time that it took, and ends with a line
# that counts them. All stages run even if one fails.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()

stage() {
	local name=$1 began=$SECONDS
	shift
	printf '== %s\n' "$name"
	if "$@"; then
		printf '== %s: passed in %d s\n' "$name" $((SECONDS - began))
	else
		failed+=("$name")
		printf '== %s: FAILED after %d s\n' "$name" $((SECONDS - began))
	fi
}

formatted() {
	local files
	files=$(gofmt -l $(git -c safe.directory='*' ls-files --cached --others --exclude-standard '*.go'))
	[[ -z $files ]] && return
	printf 'not as gofmt writes it: %s\n' $files
	return 1
}

# What the generators write has to be what is committed; changes of one's own
# that are not committed yet do not matter.
generated() {
	local before
	before=$(tree)
	scripts/generate.sh || return
	[[ $before == "$(tree)" ]] && return
	git -c safe.directory='*' --no-pager diff --stat
	echo "generated code was not up to date: commit what 'make generate' has just written"
	return 1
}

tree() {
	git -c safe.directory='*' diff | sha256sum
	git -c safe.directory='*' ls-files --others --exclude-standard -z | sort -z | xargs -0r sha256sum
}

vetted() { go vet ./... && apart go_vet && go vet -tags crashtest ./internal/... ./services/... ./cmd/... && go vet -tags crash,crashtest ./test/crash && go vet -tags journey ./test/journey ./test/demomonth && go vet -tags docs ./test/docs && go vet -tags browser ./test/browser && go vet -tags e2e,crashtest ./services/... && go vet -tags e2e,figures ./test/e2e/... ./internal/driver/kubernetes; }

go_vet() { go vet -C "$1" ./...; }

# Runs a function for the folder of each module of deploy, all of which are built apart.
apart() {
	local module failed=0
	for module in deploy/*/go.mod; do "$1" "${module%/go.mod}" || failed=1; done
	return $failed
}

counts=$(mktemp) failures=$(mktemp) unproven=$(mktemp) results=$(mktemp -d)
trap 'rm -rf "$counts" "$failures" "$unproven" "$results"' EXIT

# The vet stage has vetted. What is printed is kept for the last stage.
gotest() { go test -C "${folder:-.}" -json -vet=off "$@" 2>&1 | tee -a "$results/$RANDOM$RANDOM" | go run ./scripts/testsum "$counts" "$failures"; }

# What tests need beside them: compiled here, it is only linked there, and takes none of
# their time.
built() { go build ./... && make --no-print-directory build; }

tested() { folder=$1 gotest -timeout 5m ./...; }

# The image and the charts.
deployment() { apart tested; }

units() { gotest -timeout 25m ./...; }

journey() { gotest -tags journey -count 1 -timeout 20m ./test/journey ./test/demomonth; }

# Runs every command of the documentation.
docs() { gotest -tags docs -count 1 -timeout 15m ./test/docs; }

# Walks the portal in a real browser; SOUK_SCREENSHOTS keeps what it looked like.
browser() { gotest -tags browser -count 1 -timeout 10m ./test/browser; }

# Kills processes after each step, package by package and then as a whole.
steps() { gotest -tags crashtest -count 1 -timeout 10m -run 'KilledAfterEachStep$|^TestArmed' ./internal/step ./internal/agent ./internal/credit ./internal/invoice ./internal/payment ./internal/repricing ./services/...; }

crash() { gotest -tags crash,crashtest -count 1 -timeout 15m ./test/crash; }

# Holds what docs/faults.md lists against what has run above; what needs a cluster
# has not, which is said at the end.
faults() { SOUK_TEST_RESULTS=$results SOUK_TEST_UNPROVEN=$unproven gotest -count 1 ./test/faults; }

stage "format" formatted
stage "build" built
stage "vet" vetted
stage "generated code" generated
stage "tests" units
stage "deployment" deployment
stage "journey" journey
stage "documentation" docs
stage "browser" browser
stage "steps" steps
stage "crashes" crash
stage "faults" faults

cat "$unproven"
[[ ! -s $failures ]] || { echo '== again, what failed' && cat "$failures"; }
read -r passed failed_tests skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$counts")
((${#failed[@]})) && printf 'failed: %s\n' "${failed[@]}"
((${#failed[@]} > failed_tests)) && failed_tests=${#failed[@]} # a stage that is no Go test, or does not compile
printf '%d passed, %d failed, %d skipped in %d s\n' "$passed" "$failed_tests" "$skipped" "$SECONDS"
((failed_tests == 0))
