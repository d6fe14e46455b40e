// Package deploy holds what Souk is deployed to Kubernetes by: charts, and plain
// manifests made of them.
package deploy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// agentManifest is what the chart makes of manifests/agent.values.yaml.
//
//go:embed manifests/agent.yaml
var agentManifest string

// Stand-ins in agentManifest, as manifests/agent.values.yaml has them.
const (
	standInZone  = "the-zone"
	standInImage = "the-image:the-version"
	standInPort  = 65443
)

// Agent is what differs from the agent of one zone to that of another.
type Agent struct {
	Zone   string
	Server string // URL of the control plane's listener for agents
	CA     string // by which it is verified, as PEM
	Token  string // to enrol with
	Image  string // REPOSITORY:TAG of souk
	// Driver is what the driver's section of the configuration has that the
	// chart's own values do not.
	Driver map[string]any
}

var (
	zoneName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	imageRef = regexp.MustCompile(`^([^\s@]+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]*))?(?:@(sha256:[0-9a-f]{64}))?$`)
)

// check refuses what cannot be put into a manifest.
func (a Agent) check() error {
	if !zoneName.MatchString(a.Zone) {
		return fmt.Errorf("%q is no name of a zone", a.Zone)
	}
	if u, err := url.Parse(a.Server); err != nil || u.Scheme != "https" || u.Host == "" {
		return errors.New("the control plane does not say where agents reach it: agentURL in its configuration has to be https://HOST:PORT")
	}
	if !strings.Contains(a.CA, "BEGIN CERTIFICATE") {
		return errors.New("the control plane has sent no certificate authority")
	}
	_, tag := a.image()
	if tag == "" {
		return fmt.Errorf("%q is no image: give REPOSITORY:TAG", a.Image)
	}
	return nil
}

// image is the repository, and the tag or, where it is pinned by one, the digest.
func (a Agent) image() (repository, tag string) {
	m := imageRef.FindStringSubmatch(a.Image)
	if m == nil {
		return "", ""
	}
	if m[3] != "" {
		return m[1], m[3]
	}
	return m[1], m[2]
}

// port is the one that the agent connects to.
func (a Agent) port() int {
	u, err := url.Parse(a.Server)
	if err != nil {
		return 443
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	return 443
}

// backupPort is the one that the place of backups listens on; 0 where there is none.
func (a Agent) backupPort() int {
	place, ok := a.Driver["backups"].(map[string]any)
	if !ok {
		return 0
	}
	switch port := place["port"].(type) {
	case float64:
		return int(port)
	case int64:
		return int(port)
	}
	return 443
}

// Values are those of the chart souk-agent, as YAML.
func (a Agent) Values() (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	repository, tag := a.image()
	values := map[string]any{
		"zone": a.Zone, "server": a.Server, "serverCA": a.CA, "token": a.Token,
		"image": map[string]any{"repository": repository, "tag": tag},
	}
	if len(a.Driver) > 0 {
		values["driver"] = a.Driver
	}
	text, err := yaml.Marshal(values)
	return string(text), err
}

// Manifest is the same as plain manifests, with the values that the chart has of
// its own for all else.
func (a Agent) Manifest() (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	config, err := a.config()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for text := range strings.SplitSeq(strings.TrimPrefix(agentManifest, "---\n"), "\n---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			return "", err
		}
		a.fill(object, config)
		text, err := yaml.Marshal(object)
		if err != nil {
			return "", err
		}
		out.WriteString("---\n" + string(text))
	}
	return out.String(), nil
}

// config is the agent's configuration, from the manifest's own.
func (a Agent) config() (string, error) {
	_, rest, found := strings.Cut(agentManifest, "\n  agent.yaml: |\n")
	text, _, ended := strings.Cut(rest, "\n  server-ca.pem: |\n")
	var config map[string]any
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return "", err
	}
	driver, ok := config["driver"].(map[string]any)
	if !found || !ended || !ok {
		return "", errors.New("the manifest holds no configuration")
	}
	config["server"] = a.Server
	driver["zone"] = a.Zone
	overlay(driver, a.Driver)
	out, err := yaml.Marshal(config)
	return string(out), err
}

// fill puts what differs in the place of its stand-ins.
func (a Agent) fill(object map[string]any, config string) {
	replace(object, func(leaf any) any {
		switch leaf := leaf.(type) {
		case string:
			return strings.ReplaceAll(strings.ReplaceAll(leaf, standInImage, a.Image), standInZone, a.Zone)
		case float64:
			if leaf == standInPort {
				return a.port()
			}
		}
		return leaf
	})
	switch object["kind"] {
	case "ConfigMap":
		object["data"] = map[string]any{"agent.yaml": config, "server-ca.pem": a.CA}
	case "Secret":
		object["stringData"] = map[string]any{"token": a.Token}
	case "NetworkPolicy":
		if port := a.backupPort(); port > 0 {
			spec, _ := object["spec"].(map[string]any)
			egress, _ := spec["egress"].([]any)
			spec["egress"] = append(egress, map[string]any{"ports": []any{map[string]any{"protocol": "TCP", "port": port}}})
		}
	case "StatefulSet":
		sum := sha256.Sum256([]byte(config + "\n" + a.CA + "\n" + a.Token))
		overlay(object, map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"annotations": map[string]any{"souk/configuration": hex.EncodeToString(sum[:])}}}}})
	}
}

// replace applies f to all that is neither a map nor a list.
func replace(v any, f func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = replace(e, f)
		}
		return v
	case []any:
		for i, e := range v {
			v[i] = replace(e, f)
		}
		return v
	}
	return f(v)
}

// overlay puts what is in from over what is in into, map by map.
func overlay(into, from map[string]any) {
	for k, v := range from {
		below, both := into[k].(map[string]any)
		if above, ok := v.(map[string]any); ok && both {
			overlay(below, above)
			continue
		}
		into[k] = v
	}
}
