package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"souk/internal/driver"
)

// Section is the part of an agent's configuration that describes its cluster.
type Section struct {
	Type string `json:"type"` // "kubernetes"
	// Zone is the zone's name; it marks all that is the zone's in the cluster.
	Zone string `json:"zone"`
	// Kubeconfig is a file; empty means the cluster that the agent runs in.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Namespace holds the agent's own Lease and the zone's authority.
	Namespace string `json:"namespace,omitempty"`
	// StorageClass of data; empty means the cluster's default.
	StorageClass string `json:"storageClass,omitempty"`
	// TopologyKey is the node label that names failure domains.
	TopologyKey string `json:"topologyKey,omitempty"`
	// SimulatedDomains: the failure domains are not really apart.
	SimulatedDomains bool   `json:"simulatedDomains,omitempty"`
	Expose           Expose `json:"expose"`
	// CertificateValidity of instances' servers, "2160h"; they get new ones after
	// two thirds of it. 0 means pki.ServerValidity.
	CertificateValidity metav1.Duration `json:"certificateValidity,omitzero"`
	// Backups is where backups are kept; absent: nowhere.
	Backups *driver.BackupConfig `json:"backups,omitempty"`
	// Engines has a section for each service that can be run, by its name.
	Engines map[string]json.RawMessage `json:"engines"`
}

// How clients outside the cluster reach instances.
const (
	LoadBalancer = "LoadBalancer"
	NodePort     = "NodePort"
)

// Expose says how clients outside the cluster reach instances.
type Expose struct {
	Type string `json:"type"` // LoadBalancer or NodePort
	// Host is the name or address of nodes that clients use (NodePort).
	Host string `json:"host,omitempty"`
	// Annotations are put on Services (LoadBalancer), as clouds ask for.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Defaults of a Section.
const (
	defaultNamespace   = "souk-system"
	defaultTopologyKey = "topology.kubernetes.io/zone"
)

// ParseSection reads the section; what is wrong with it is said by field.
func ParseSection(raw []byte) (Section, error) {
	var s Section
	if err := yaml.UnmarshalStrict(raw, &s); err != nil {
		return s, fmt.Errorf("the section driver: %w", err)
	}
	if s.Namespace == "" {
		s.Namespace = defaultNamespace
	}
	if s.TopologyKey == "" {
		s.TopologyKey = defaultTopologyKey
	}
	switch {
	case s.CertificateValidity.Duration != 0 && s.CertificateValidity.Duration < time.Minute:
		return s, errors.New("driver.certificateValidity: give a minute at least, such as 2160h")
	case !validLabel(s.Zone):
		return s, errors.New("driver.zone: give the zone's name")
	case s.Expose.Type != LoadBalancer && s.Expose.Type != NodePort:
		return s, errors.New("driver.expose.type: it is LoadBalancer or NodePort")
	case s.Expose.Type == NodePort && s.Expose.Host == "":
		return s, errors.New("driver.expose.host: give the name or address of the nodes that clients use")
	case len(s.Engines) == 0:
		return s, errors.New("driver.engines: name at least one service that this zone can run, with its image")
	}
	return s, nil
}

// REST is how the section's cluster is reached.
func (s Section) REST() (*rest.Config, error) {
	var config *rest.Config
	var err error
	if s.Kubeconfig == "" {
		config, err = rest.InClusterConfig()
	} else {
		config, err = clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	}
	if err != nil {
		return nil, fmt.Errorf("driver.kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	return config, nil
}

// Config of a Driver.
type Config struct {
	Section
	REST *rest.Config
	// Identity tells this agent from others that may run for the zone; the same
	// after a restart.
	Identity string
	Engines  []Engine
	// Place is where backups are kept, as the section says; nil: nowhere.
	Place  *driver.BackupPlace
	Logger *slog.Logger
	// Now tells real time; nil means time.Now.
	Now func() time.Time
}
