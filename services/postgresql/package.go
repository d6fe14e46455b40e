// Package postgresql is the service package of PostgreSQL: its published data,
// and the engine that runs it as processes.
package postgresql

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/internal/servicepkg"
)

//go:embed package.yaml
var definition []byte

//go:embed dashboard.yaml
var dashboard []byte

//go:embed parameters.schema.json
var parameters []byte

// Package returns the published data and how clients connect.
func Package() servicepkg.Package {
	var d servicepkg.Definition
	if err := yaml.UnmarshalStrict(definition, &d); err != nil {
		panic(fmt.Sprintf("services/postgresql/package.yaml: %v", err)) // found by any test
	}
	d.Parameters = json.RawMessage(parameters)
	d.Dashboard = new(servicepkg.Dashboard)
	if err := yaml.UnmarshalStrict(dashboard, d.Dashboard); err != nil {
		panic(fmt.Sprintf("services/postgresql/dashboard.yaml: %v", err)) // found by any test
	}
	return servicepkg.Package{Definition: d, Connection: connection}
}

// connection returns what libpq and its relatives take; all of it verifies the
// server (sslmode=verify-full).
func connection(e api.Endpoint, login, password string) servicepkg.Connection {
	port := strconv.Itoa(e.Port)
	u := url.URL{Scheme: "postgresql", User: url.UserPassword(login, password), Host: net.JoinHostPort(e.Host, port), Path: "/" + e.Database, RawQuery: "sslmode=verify-full"}
	return servicepkg.Connection{
		URI: u.String(),
		Env: map[string]string{
			"PGHOST": e.Host, "PGPORT": port, "PGDATABASE": e.Database, "PGUSER": login, "PGPASSWORD": password,
			"PGSSLMODE": "verify-full", "PGSSLROOTCERT": servicepkg.CAFile,
			"POSTGRESQL_URL": u.String() + "&sslrootcert=" + servicepkg.CAFile,
		},
	}
}
