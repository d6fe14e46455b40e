// Package postgresql is the service package of PostgreSQL: its published data,
// and the engine that runs it as processes.
package postgresql

import (
	"embed"
	"net"
	"net/url"
	"strconv"

	"souk/api"
	"souk/internal/servicepkg"
)

//go:embed package.yaml
var definition []byte

//go:embed dashboard.yaml
var dashboard []byte

//go:embed alerts.yaml
var alerts []byte

//go:embed runbooks
var runbooks embed.FS

//go:embed parameters.schema.json
var parameters []byte

// Package returns the published data and how clients connect.
func Package() servicepkg.Package {
	p := servicepkg.Read(servicepkg.Files{Definition: definition, Parameters: parameters, Dashboard: dashboard, Alerts: alerts, Runbooks: runbooks}, connection)
	p.Prover = prover
	return p
}

// connection returns what libpq and its relatives take; all of it verifies the
// server (sslmode=verify-full).
func connection(e api.Endpoint, login, password string) servicepkg.Connection {
	port := strconv.Itoa(e.Port)
	u := url.URL{Scheme: "postgresql", User: url.UserPassword(login, password), Host: net.JoinHostPort(e.Host, port), Path: "/" + e.Database, RawQuery: "sslmode=verify-full"}
	env := map[string]string{
		"PGHOST": e.Host, "PGPORT": port, "PGDATABASE": e.Database, "PGUSER": login, "PGPASSWORD": password,
		"PGSSLMODE": "verify-full", "PGSSLROOTCERT": servicepkg.CAFile,
		"POSTGRESQL_URL": u.String() + "&sslrootcert=" + servicepkg.CAFile,
	}
	if e.ReadHost != "" {
		read := u
		readPort := strconv.Itoa(e.ReadPort)
		read.Host = net.JoinHostPort(e.ReadHost, readPort)
		env["PGHOST_RO"], env["PGPORT_RO"] = e.ReadHost, readPort
		env["POSTGRESQL_URL_RO"] = read.String() + "&sslrootcert=" + servicepkg.CAFile
	}
	return servicepkg.Connection{URI: u.String(), Env: env}
}
