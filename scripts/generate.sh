#!/bin/sh
# Regenerates what is generated and committed: the Go code of the SQL queries and of the pages,
# the list of service packages, the OpenAPI document and the plain manifests of charts. CI
# runs this and compares.
#
# With --baseline the document also becomes the one that later versions must
# stay compatible with: at a release, or when a break is meant.
set -eu
cd "$(dirname "$0")/.."

tools="${XDG_CACHE_HOME:-$HOME/.cache}/souk/tools"

# tool NAME VERSION MODULE builds a generator once and prints where it is.
tool() {
	if [ ! -x "$tools/$1-$2/$1" ]; then
		echo "Building $1 $2 (once, some minutes) ..." >&2
		mkdir -p "$tools/$1-$2"
		CGO_ENABLED=0 GOBIN="$tools/$1-$2" go install "$3@$2" >&2
	fi
	echo "$tools/$1-$2/$1"
}

sqlc=$(tool sqlc v1.30.0 github.com/sqlc-dev/sqlc/cmd/sqlc)
templ=$(tool templ v0.3.1001 github.com/a-h/templ/cmd/templ)

"$sqlc" generate
"$templ" generate -log-level error -path internal/portal
(cd services/all && go run generate.go)
go run ./api/gen >api/openapi.json.new
mv api/openapi.json.new api/openapi.json
go run -C deploy/render . -chart ../charts/souk-agent -values ../manifests/agent.values.yaml \
	-name souk-agent -namespace souk-system >deploy/manifests/agent.yaml.new
mv deploy/manifests/agent.yaml.new deploy/manifests/agent.yaml
if [ "${1:-}" = --baseline ]; then
	cp api/openapi.json api/openapi.baseline.json
fi
