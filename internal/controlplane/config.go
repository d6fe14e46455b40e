// Package controlplane puts the parts of the control plane together and runs
// them: the API, the agents' listener, the feed of changes, and what is due by
// the clock.
package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"souk/internal/mail"
	"souk/internal/store"
)

// Config is the file that `souk serve --config` reads.
type Config struct {
	// Record is the PostgreSQL database; see store.Config.
	Record store.Config `json:"record"`
	// Listen is where the portal and the API are served, "127.0.0.1:8080".
	Listen string `json:"listen"`
	// AgentListen is where agents dial, with mutual TLS.
	AgentListen string `json:"agentListen"`
	// AgentNames are the host names and IP addresses that agents dial it by.
	AgentNames []string `json:"agentNames"`
	// AgentURL is shown with enrolment tokens, "https://souk.example:8443".
	AgentURL string `json:"agentURL"`
	// AgentImage is the container image of souk for agents in Kubernetes, told with
	// enrolment tokens; may be empty.
	AgentImage string `json:"agentImage,omitempty"`
	// AgentCertificateSeconds is how long certificates of agents are valid; they
	// get new ones after two thirds of it. 0 means a day.
	AgentCertificateSeconds int `json:"agentCertificateSeconds,omitempty"`
	// AdminListen is where /metrics, /healthz and /readyz are served, to the
	// operator's own network only. Empty: nowhere.
	AdminListen string `json:"adminListen,omitempty"`
	// StopDelaySeconds is how long a replica that is told to stop goes on taking
	// requests, while it says at /readyz that it is not ready: as long as it takes
	// until nobody sends it new ones. 0 where no balancer looks.
	StopDelaySeconds int `json:"stopDelaySeconds,omitempty"`
	// TrustedProxies are believed what they say in X-Forwarded-For, such as
	// "10.20.0.0/16". Without it all who come through a proxy are one address.
	TrustedProxies []netip.Prefix `json:"trustedProxies,omitempty"`
	// Peers is a name and port at which the portal and the API of all replicas are,
	// each at one of the name's addresses, such as "souk-peers:8080": what only the
	// replica knows that a zone's agent is connected to, the others ask there. Empty
	// where there is one replica.
	Peers string `json:"peers,omitempty"`
	// PublicURL is where people open Souk, "https://souk.example": the base of
	// links in mails. Empty, in development: http:// and Listen.
	PublicURL string `json:"publicURL,omitempty"`
	// Mail is the server that takes mails. Without one nothing is sent, and
	// development catches it.
	Mail *mail.Config `json:"mail,omitempty"`
	// SSO is about customers' identity providers.
	SSO SSOConfig `json:"sso"`
	// Alerts is about where customers are told of alerts.
	Alerts AlertsConfig `json:"alerts,omitzero"`
	// Metrics says where the figures of instances are kept.
	Metrics MetricsConfig `json:"metrics,omitzero"`
	// Keyring is the file of the keys that secrets are sealed under (mode 0600).
	Keyring string `json:"keyring"`
	// Demo is set by souk dev: demonstration data, and a clock that can be moved.
	Demo *Demo `json:"demo,omitempty"`
}

// SSOConfig says which identity providers customers may connect.
type SSOConfig struct {
	// AllowedNetworks are private networks that a provider may be in, such as
	// "10.20.0.0/16". Public addresses always may.
	AllowedNetworks []netip.Prefix `json:"allowedNetworks,omitempty"`
}

// AlertsConfig says which addresses customers may have alerts sent to.
type AlertsConfig struct {
	// AllowedNetworks are private networks that a receiver may be in. Public
	// addresses always may.
	AllowedNetworks []netip.Prefix `json:"allowedNetworks,omitempty"`
}

// Demo holds the secrets of the demonstration data.
type Demo struct {
	Password string `json:"password"` // of every demonstration account
	// Tokens by context: operator, acme, globex.
	Tokens map[string]string `json:"tokens"`
	// Capacity of the zone `local`.
	CPUMillis  int64 `json:"cpuMillis"`
	MemoryMiB  int64 `json:"memoryMiB"`
	StorageGiB int64 `json:"storageGiB"`
	Instances  int64 `json:"instances"`
}

// LoadConfig reads and checks the file. A key that is not known is an error.
func LoadConfig(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	var c Config
	if err := yaml.UnmarshalStrict(raw, &c); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.Record.App == "" || c.Record.System == "":
		return errors.New("the configuration needs record.app and record.system, the connection strings of souk_app and souk_system")
	case c.Listen == "" || c.AgentListen == "":
		return errors.New("the configuration needs listen and agentListen, such as 0.0.0.0:8080 and 0.0.0.0:8443")
	case len(c.AgentNames) == 0 || c.AgentURL == "":
		return errors.New("the configuration needs agentNames and agentURL: how agents reach agentListen")
	case c.Peers != "" && !strings.Contains(c.Peers, ":"):
		return errors.New("the configuration: peers is NAME:PORT, such as souk-peers:8080")
	case c.AgentCertificateSeconds != 0 && c.AgentCertificateSeconds < 60:
		return errors.New("the configuration: agentCertificateSeconds is 60 at least")
	case c.StopDelaySeconds < 0:
		return errors.New("the configuration: stopDelaySeconds cannot be negative")
	case c.Keyring == "":
		return errors.New("the configuration needs keyring, the file of the keys that secrets are sealed under")
	}
	return errors.Join(c.checkMail(), c.checkMetrics())
}

func (c Config) checkMail() error {
	if c.PublicURL != "" {
		if err := mail.CheckPublicURL(c.PublicURL); err != nil {
			return err
		}
	}
	if !c.sendsMail() {
		return nil
	}
	if c.PublicURL == "" && c.Demo == nil {
		return errors.New("the configuration has mail, and needs publicURL, the base of the links in mails")
	}
	return c.Mail.Check()
}

// sendsMail says whether there is a mail server.
func (c Config) sendsMail() bool { return c.Mail != nil && c.Mail.Host != "" }

// peers looks up where the replicas are; nil where there is one.
func (c Config) peers() func(context.Context) ([]string, error) {
	if c.Peers == "" {
		return nil
	}
	return func(ctx context.Context) ([]string, error) {
		name, port, err := net.SplitHostPort(c.Peers)
		if err != nil {
			return nil, err
		}
		addresses, err := net.DefaultResolver.LookupHost(ctx, name)
		for i, a := range addresses {
			addresses[i] = "http://" + net.JoinHostPort(a, port)
		}
		return addresses, err
	}
}

// publicURL is the base of links in mails.
func (c Config) publicURL() string { return cmp.Or(c.PublicURL, "http://"+c.Listen) }
