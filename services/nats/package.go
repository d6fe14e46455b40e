// Package nats is the service package of NATS with JetStream: its published data,
// and the engine that runs it as processes.
package nats

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

// connection returns what the nats command reads, NATS_CA and its like, and a URI
// with all but the authority.
func connection(e api.Endpoint, login, password string) servicepkg.Connection {
	host := net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
	u := url.URL{Scheme: "tls", User: url.UserPassword(login, password), Host: host}
	return servicepkg.Connection{
		URI: u.String(),
		Env: map[string]string{
			"NATS_URL": (&url.URL{Scheme: "tls", Host: host}).String(), "NATS_USER": login, "NATS_PASSWORD": password, "NATS_CA": servicepkg.CAFile,
		},
	}
}
