// Package redis is the service package of Redis: its published data, and the
// engine that runs it as processes.
package redis

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

// connection returns what Redis clients take: a URI that asks for TLS, its parts,
// and the one variable that redis-cli reads.
func connection(e api.Endpoint, login, password string) servicepkg.Connection {
	port := strconv.Itoa(e.Port)
	u := url.URL{Scheme: "rediss", User: url.UserPassword(login, password), Host: net.JoinHostPort(e.Host, port), Path: "/0"}
	return servicepkg.Connection{
		URI: u.String(),
		Env: map[string]string{
			"REDIS_URL": u.String(), "REDIS_HOST": e.Host, "REDIS_PORT": port, "REDIS_USERNAME": login, "REDIS_PASSWORD": password,
			"REDIS_TLS_CA": servicepkg.CAFile, "REDISCLI_AUTH": password,
		},
	}
}
