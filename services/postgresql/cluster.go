package postgresql

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// guaranteed is the service level with a member in each of three failure domains.
const guaranteed = "guaranteed"

// firstCluster is the name of the Cluster in the namespace of each instance. What a
// restore in place makes is a Cluster of its own, whose name has the number of that.
const firstCluster = "db"

// Ports of a member: for clients and other members, and for the operator.
const (
	serverPort = 5432
	statusPort = 8000
)

// adminSecret is the Secret with what makes the superuser of Souk.
const adminSecret = "souk-admin"

// clusterEngine runs PostgreSQL by CloudNativePG.
type clusterEngine struct {
	config clusterConfig
	made   int64 // the restore in place that made what it works on; 0: none did
}

// cluster is the name of the Cluster, and of where its backups are kept.
func (e *clusterEngine) cluster() string {
	if e.made == 0 {
		return firstCluster
	}
	return fmt.Sprintf("%s-r%d", firstCluster, e.made)
}

// clusterConfig is the section of an agent's configuration for this engine.
type clusterConfig struct {
	Image   string `json:"image"`
	Version string `json:"version"` // of PostgreSQL in the image: "15.18"
	// PostgresUID and PostgresGID are what the image runs as; 26 when 0.
	PostgresUID int64 `json:"postgresUID,omitempty"`
	PostgresGID int64 `json:"postgresGID,omitempty"`
	// OperatorNamespace is where CloudNativePG runs; cnpg-system when empty.
	OperatorNamespace string `json:"operatorNamespace,omitempty"`
}

// KubernetesEngine returns how the kubernetes driver runs PostgreSQL, as the
// section of the agent's configuration says.
func KubernetesEngine(section json.RawMessage) (kubernetes.Engine, error) {
	e := &clusterEngine{}
	if err := yaml.UnmarshalStrict(section, &e.config); err != nil {
		return nil, err
	}
	if e.config.Image == "" || e.config.Version == "" {
		return nil, fmt.Errorf("image and version of PostgreSQL are needed")
	}
	if e.config.OperatorNamespace == "" {
		e.config.OperatorNamespace = "cnpg-system"
	}
	return e, nil
}

func (e *clusterEngine) Service() string  { return service }
func (e *clusterEngine) Operator() string { return "CloudNativePG" }

func (e *clusterEngine) Kind() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "postgresql.cnpg.io", Version: "v1", Resource: "clusters"}
}

func (e *clusterEngine) Version() driver.EngineVersion {
	return driver.EngineVersion{Service: service, Version: e.config.Version}
}

func (e *clusterEngine) Endpoint() (int, string) { return serverPort, database }

// clusterLabel is that of all pods and volumes of a Cluster, with its name.
const clusterLabel = "cnpg.io/cluster"

func (e *clusterEngine) Clients() map[string]string {
	return map[string]string{clusterLabel: e.cluster(), "cnpg.io/instanceRole": "primary"}
}

// Readers are the replicas of an instance that has some.
func (e *clusterEngine) Readers(level string) map[string]string {
	if e.Members(level) == 1 {
		return nil
	}
	return map[string]string{clusterLabel: e.cluster(), "cnpg.io/instanceRole": "replica"}
}

func (e *clusterEngine) Members(level string) int {
	if level == guaranteed {
		return 3
	}
	return 1
}

func (e *clusterEngine) Policies(string) ([]int, []string) {
	return []int{serverPort, statusPort}, []string{e.config.OperatorNamespace}
}

// ServerNames are the Services by which members and the operator reach the
// primary and the others.
func (e *clusterEngine) ServerNames(namespace string) []string {
	var names []string
	for _, role := range []string{"rw", "r", "ro"} {
		name := e.cluster() + "-" + role
		names = append(names, name, name+"."+namespace, name+"."+namespace+".svc", name+"."+namespace+".svc.cluster.local")
	}
	return names
}

// Reloaded is the label of what CloudNativePG watches (utils.WatchedLabelName).
func (e *clusterEngine) Reloaded() map[string]string {
	return map[string]string{"cnpg.io/reload": "true"}
}

// Secrets has the one with which the cluster begins: the superuser of Souk, who
// comes through the pod itself only, and an owner who cannot log in.
func (e *clusterEngine) Secrets(job *kubernetes.Job) ([]*unstructured.Unstructured, error) {
	secret, err := verifierWith(adminPassword(job), job.Secret("admin salt")[:16], iterations)
	if err != nil {
		return nil, err
	}
	sql := fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD %s;\nALTER ROLE %s NOLOGIN;\nGRANT pg_read_all_stats TO %s;\n", superuser, literal(secret), owner, owner)
	return []*unstructured.Unstructured{kubernetes.Secret(job.Namespace, adminSecret, job.Labels, map[string][]byte{"init.sql": []byte(sql)})}, nil
}

// adminPassword is the superuser's, derived so that it is kept nowhere.
func adminPassword(job *kubernetes.Job) string { return fmt.Sprintf("%x", job.Secret("admin")) }

// Main is the Cluster.
func (e *clusterEngine) Main(job *kubernetes.Job, stopped bool) (*unstructured.Unstructured, error) {
	parameters, rules, err := clusterSettings(job)
	if err != nil {
		return nil, err
	}
	storage := map[string]any{"size": fmt.Sprintf("%dGi", job.Want.StorageGiB)}
	if job.StorageClass != "" {
		storage["storageClass"] = job.StorageClass
	}
	size := kubernetes.Resources(job.Want.Plan)
	spec := map[string]any{
		"instances":             int64(e.Members(job.Want.ServiceLevel)),
		"imageName":             e.config.Image,
		"enableSuperuserAccess": false,
		"inheritedMetadata":     map[string]any{"labels": kubernetes.Labels(job.Labels)},
		"primaryUpdateStrategy": "unsupervised",
		"primaryUpdateMethod":   "restart",
		"smartShutdownTimeout":  int64(1), // seconds for which it waits for clients to leave by themselves
		"stopDelay":             int64(60),
		"switchoverDelay":       int64(60),
		"bootstrap": map[string]any{"initdb": map[string]any{
			"database": database, "owner": owner, "dataChecksums": true,
			"encoding": "UTF8", "localeCollate": "C.UTF-8", "localeCType": "C.UTF-8",
			"postInitSQLRefs": map[string]any{"secretRefs": []any{map[string]any{"name": adminSecret, "key": "init.sql"}}},
		}},
		"certificates": map[string]any{"serverTLSSecret": kubernetes.ServerTLSSecret, "serverCASecret": kubernetes.ServerCASecret},
		"storage":      storage,
		"resources":    map[string]any{"requests": size, "limits": size},
		"affinity":     map[string]any{"enablePodAntiAffinity": true, "podAntiAffinityType": "required", "topologyKey": job.TopologyKey},
	}
	engine := map[string]any{"parameters": parameters, "pg_hba": rules}
	annotations := map[string]string{"cnpg.io/hibernation": onOff(stopped)}
	if job.Want.Restart > 0 {
		annotations[restart] = restartOf(job.Want)
	}
	if stopped && job.Forced {
		annotations[fencing] = `["*"]`
	}
	if job.Want.ServiceLevel == guaranteed {
		// A write is acknowledged once a second member has it, and no member takes
		// over that may lack one.
		engine["synchronous"] = map[string]any{"method": "any", "number": int64(1), "dataDurability": "required"}
		annotations["alpha.cnpg.io/failoverQuorum"] = "true"
		spec["primaryUpdateMethod"] = "switchover"
	}
	if e.config.PostgresUID > 0 {
		spec["postgresUID"] = e.config.PostgresUID
	}
	if e.config.PostgresGID > 0 {
		spec["postgresGID"] = e.config.PostgresGID
	}
	spec["postgresql"] = engine
	e.addBackups(spec, job)
	o := kubernetes.Object("postgresql.cnpg.io/v1", "Cluster", job.Namespace, e.cluster(), job.Labels, map[string]any{"spec": spec})
	o.SetAnnotations(annotations)
	return o, nil
}

// restart is the annotation by which CloudNativePG restarts what carries another: the
// replicas one by one, then the primary, whose part a replica takes before.
const restart = "kubectl.kubernetes.io/restartedAt"

func restartOf(want driver.Instance) string { return fmt.Sprintf("souk-%d", want.Restart) }

// clusterSettings are the server's settings and who may connect. One of them,
// souk.settings, identifies them all, so that the server says which are in force.
func clusterSettings(job *kubernetes.Job) (parameters map[string]any, rules []any, err error) {
	s, err := choose(job.Want.Parameters, verbatim, isLocation)
	if err != nil {
		return nil, nil, err
	}
	s.addSized(job.Want)
	s.value["log_timezone"] = "UTC"
	if job.Want.Backup != nil {
		s.value["archive_timeout"] = archiveEvery + "s"
	}
	texts, err := clusterRules(job)
	if err != nil {
		return nil, nil, err
	}
	s.value["souk.settings"] = fingerprint(append([]string{s.lines(func(string) bool { return true })}, texts...)...)
	parameters = map[string]any{}
	for name, value := range s.value {
		parameters[name] = value
	}
	for _, text := range texts {
		rules = append(rules, text)
	}
	return parameters, rules, nil
}

// clusterRules says who may connect, between the operator's own rules and its
// last one: Souk from within the pod, its probe, which the NetworkPolicy lets in from the
// agent's namespace, and log-ins from the allowed networks over TLS.
func clusterRules(job *kubernetes.Job) ([]string, error) {
	rules := []string{
		fmt.Sprintf("host all %s 127.0.0.1/32 scram-sha-256", superuser),
		fmt.Sprintf("host all %s ::1/128 scram-sha-256", superuser),
		fmt.Sprintf("host all %s,%s,postgres all reject", superuser, owner),
		fmt.Sprintf("hostssl postgres %s all scram-sha-256", probeRole),
		fmt.Sprintf("host all %s all reject", probeRole),
	}
	networks := job.Want.AllowedNetworks
	if job.SourceHidden && len(networks) > 0 {
		networks = []string{"0.0.0.0/0", "::/0"}
	}
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, refused(fmt.Sprintf("The allowed network %.60q is not a range of addresses such as 203.0.113.0/24.", network))
		}
		rules = append(rules, fmt.Sprintf("hostssl %s all %s scram-sha-256", database, prefix.Masked()))
	}
	rules = append(rules, "host all all all reject")
	return slices.Clip(rules), nil
}
