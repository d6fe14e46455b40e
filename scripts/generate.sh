#!/bin/sh
# Regenerates what is generated and committed: the Go code of the SQL queries,
# the list of service packages and the OpenAPI document. CI runs this and compares.
#
# With --baseline the document also becomes the one that later versions must
# stay compatible with: at a release, or when a break is meant.
set -eu
cd "$(dirname "$0")/.."

sqlc_version=v1.30.0
sqlc="${XDG_CACHE_HOME:-$HOME/.cache}/souk/tools/sqlc-$sqlc_version"
if [ ! -x "$sqlc/sqlc" ]; then
	echo "Building sqlc $sqlc_version (once, some minutes) ..." >&2
	mkdir -p "$sqlc"
	CGO_ENABLED=0 GOBIN="$sqlc" go install "github.com/sqlc-dev/sqlc/cmd/sqlc@$sqlc_version"
fi

"$sqlc/sqlc" generate
(cd services/all && go run generate.go)
go run ./api/gen >api/openapi.json.new
mv api/openapi.json.new api/openapi.json
if [ "${1:-}" = --baseline ]; then
	cp api/openapi.json api/openapi.baseline.json
fi
