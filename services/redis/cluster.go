package redis

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// serverName is the container of the server, and volumeName its volume.
const (
	serverName = "redis"
	volumeName = "data"
)

// serverPort is for clients and for the agent, over TLS.
const serverPort = 6379

// podLogin is the log-in by which a pod looks whether its own server answers. It can
// do nothing else.
const podLogin = "souk_pod"

// podSettings are where a pod has what the server needs.
var podSettings = map[string]string{
	"dir":        "/data/redis",
	"unixsocket": "/run/redis/redis.sock", // for podLogin
	"aclfile":    "/conf/users.acl",
	"tls-port":   fmt.Sprint(serverPort),
}

//go:embed start.sh
var startScript []byte

// clusterEngine runs Redis as a StatefulSet: of one member, or of three where
// availability is guaranteed.
type clusterEngine struct {
	config clusterConfig
	rewind int64 // the restore in place that made it; 0: none
}

var (
	_ kubernetes.Careful = (*clusterEngine)(nil)
	_ kubernetes.Keeper  = (*clusterEngine)(nil)
	_ kubernetes.Logged  = (*clusterEngine)(nil)
)

// clusterConfig is the section of an agent's configuration for this engine.
type clusterConfig struct {
	// Image has redis-server, redis-cli and sh in its PATH, and restic where backups
	// are kept.
	Image   string `json:"image"`
	Version string `json:"version"` // of Redis in the image: "7.0.15"
	// UserID and GroupID are what the server runs as; 999 when 0.
	UserID  int64 `json:"userID,omitempty"`
	GroupID int64 `json:"groupID,omitempty"`
}

// standardID is the account of Redis in most images.
const standardID = 999

// KubernetesEngine returns how the kubernetes driver runs Redis, as the section of
// the agent's configuration says.
func KubernetesEngine(section json.RawMessage) (kubernetes.Engine, error) {
	e := &clusterEngine{config: clusterConfig{UserID: standardID, GroupID: standardID}}
	if err := yaml.UnmarshalStrict(section, &e.config); err != nil {
		return nil, err
	}
	if e.config.Image == "" || e.config.Version == "" {
		return nil, errors.New("image and version of Redis are needed")
	}
	if _, problem := usable("v=" + e.config.Version); problem != "" {
		return nil, fmt.Errorf("version: Redis %d or newer is needed", oldest)
	}
	return e, nil
}

func (e *clusterEngine) Service() string  { return service }
func (e *clusterEngine) Operator() string { return "Kubernetes' controller manager" }

func (e *clusterEngine) Kind() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
}

func (e *clusterEngine) Version() driver.EngineVersion {
	return driver.EngineVersion{Service: service, Version: e.config.Version}
}

func (e *clusterEngine) Endpoint() (int, string)     { return serverPort, "" }
func (e *clusterEngine) Clients() map[string]string  { return e.podLabels() }
func (e *clusterEngine) Reloaded() map[string]string { return nil }

func (e *clusterEngine) Members(level string) int {
	if level == driver.Guaranteed {
		return guaranteedMembers
	}
	return 1
}

func (e *clusterEngine) Policies(level string) ([]int, []string) {
	if level == driver.Guaranteed {
		return []int{serverPort, sentinelPort}, nil
	}
	return []int{serverPort}, nil
}

// ServerNames are the Service that clients within the cluster may use.
func (e *clusterEngine) ServerNames(namespace string) []string {
	name := "access." + namespace
	return []string{name, name + ".svc", name + ".svc.cluster.local"}
}

// Accept implements kubernetes.Careful.
func (e *clusterEngine) Accept(want driver.Instance) error {
	if want.Restore != nil && !want.Restore.Time.IsZero() && !want.HeldData {
		return refused("Redis is backed up by snapshots: what changes between two of them is not kept, so that no point in time can be restored. Restore one of its backups.")
	}
	if _, err := logins(want.Credentials, func(string) string { return "" }); err != nil {
		return err
	}
	_, _, err := changeable(want)
	return err
}

// clusterLogins are all log-ins of an instance, by name. Where nobody may connect, those
// of users are off: the server listens all the same, to Souk's own pods.
func clusterLogins(job *kubernetes.Job) (map[string][]string, error) {
	all, err := logins(job.Want.Credentials, func(login string) string { return clusterPassword(job, login) })
	if err != nil {
		return nil, err
	}
	all[podLogin] = rules(clusterPassword(job, podLogin), []string{"resetkeys", "resetchannels", "-@all", "+ping"})
	if job.Want.Backup != nil {
		all[backupLogin] = rules(clusterPassword(job, backupLogin), backupRights)
	}
	turnOff(job.Want, all)
	return all, nil
}

// turnOff turns the log-ins of users off where nobody may connect.
func turnOff(want driver.Instance, all map[string][]string) {
	if anybody, _ := driver.AllOrNone(want.AllowedNetworks); anybody {
		return
	}
	for _, c := range want.Credentials {
		all[c.Login] = append(all[c.Login], "off")
	}
}

// clusterPassword is that of one of Souk's own log-ins.
func clusterPassword(job *kubernetes.Job, login string) string {
	return hex.EncodeToString(job.Secret(login))
}

// clusterSettings are the settings that can change while the server runs, and
// whether anybody may connect.
func clusterSettings(want driver.Instance) (live map[string]string, open bool, err error) {
	live, open, err = changeable(want)
	if err != nil {
		return nil, false, err
	}
	live["bind"] = "* -::*" // IPv6 where there is any
	live["tls-cert-file"], live["tls-key-file"] = "/tls/tls.crt", "/tls/tls.key"
	return live, open, nil
}

// Secrets has the one with all that the server begins with.
func (e *clusterEngine) Secrets(job *kubernetes.Job) ([]*unstructured.Unstructured, error) {
	if job.Want.ServiceLevel == driver.Guaranteed {
		return e.memberSecrets(job)
	}
	live, _, err := clusterSettings(job.Want)
	if err != nil {
		return nil, err
	}
	users, err := clusterLogins(job)
	if err != nil {
		return nil, err
	}
	own := maps.Clone(fixed)
	maps.Copy(own, podSettings)
	data := map[string][]byte{
		"redis.conf": []byte(config{fixed: own, live: live}.text()),
		"users.acl":  []byte(userLines(users)),
		"probe":      []byte(clusterPassword(job, podLogin)),
		"start.sh":   startScript,
	}
	if job.Want.HeldData {
		data["held"] = []byte("yes")
	}
	maps.Copy(data, restoreFiles(job))
	return []*unstructured.Unstructured{kubernetes.Secret(job.Namespace, e.conf(), job.Labels, data)}, nil
}

// Claims has the volume of the one member. It is no template of the StatefulSet's,
// which would make it anew, empty, if it were gone.
func (e *clusterEngine) Claims(job *kubernetes.Job) []*unstructured.Unstructured {
	if job.Want.ServiceLevel == driver.Guaranteed {
		return e.memberClaims(job)
	}
	spec := claimSpec(job, fmt.Sprintf("%dGi", job.Want.StorageGiB))
	return []*unstructured.Unstructured{kubernetes.Object("v1", "PersistentVolumeClaim", job.Namespace, e.claim(), job.Labels, map[string]any{"spec": spec})}
}

// Main is the StatefulSet.
func (e *clusterEngine) Main(job *kubernetes.Job, stopped bool) (*unstructured.Unstructured, error) {
	replicas := int64(1)
	if stopped {
		replicas = 0
	}
	selected, labels := kubernetes.Labels(e.podLabels()), kubernetes.Labels(job.Labels)
	maps.Copy(labels, selected)
	// A server that does not know the agent, because the zone's authority is another,
	// is started again with the log-ins that it does know.
	notes := map[string]any{"souk/administrator": hex.EncodeToString(job.Secret("mark of " + administrator)[:8])}
	if job.Want.Restart > 0 {
		notes[restart] = restartOf(job.Want)
	}
	set := kubernetes.Object("apps/v1", "StatefulSet", job.Namespace, e.set(), job.Labels, map[string]any{"spec": map[string]any{
		"replicas": replicas, "serviceName": "access", "revisionHistoryLimit": int64(1),
		"podManagementPolicy": "Parallel", // so that a pod that never got ready is replaced, too
		"selector":            map[string]any{"matchLabels": selected},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels, "annotations": notes},
			"spec":     e.pod(job),
		},
	}})
	if job.Want.ServiceLevel == driver.Guaranteed {
		return e.memberSet(job, set), nil
	}
	return set, nil
}

// restart is the annotation of a pod that says which restart it was last started for.
const restart = "souk/restart"

func restartOf(want driver.Instance) string { return fmt.Sprint(want.Restart) }

// restarted says whether all pods were started since a restart was asked for.
func restarted(v kubernetes.View) bool {
	return v.Want.Restart == 0 || !slices.ContainsFunc(v.Pods, func(pod *unstructured.Unstructured) bool {
		return pod.GetAnnotations()[restart] != restartOf(v.Want)
	})
}

func (e *clusterEngine) pod(job *kubernetes.Job) map[string]any {
	size := kubernetes.Resources(job.Want.Plan)
	mount := func(name, path string, readOnly bool) map[string]any {
		return map[string]any{"name": name, "mountPath": path, "readOnly": readOnly}
	}
	secret := func(name, secret string) map[string]any {
		return map[string]any{"name": name, "secret": map[string]any{"secretName": secret, "defaultMode": int64(0o440)}}
	}
	ping := map[string]any{"command": []any{"redis-cli", "-s", podSettings["unixsocket"], "--user", podLogin, "--no-auth-warning", "-e", "PING"}}
	return map[string]any{
		"automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": int64(60),
		"securityContext": e.podSecurity(),
		"containers": []any{map[string]any{
			"name": serverName, "image": e.config.Image, "command": []any{"sh", "/conf/start.sh"},
			"env": []any{
				map[string]any{"name": "TZ", "value": "UTC"},
				map[string]any{"name": "REDISCLI_AUTH", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": e.conf(), "key": "probe"}}},
			},
			"ports":           []any{map[string]any{"name": "redis", "containerPort": int64(serverPort), "protocol": "TCP"}},
			"resources":       map[string]any{"requests": size, "limits": size},
			"securityContext": containerSecurity(),
			// Reading the data may take long, and is never cut short.
			"startupProbe":   map[string]any{"exec": ping, "periodSeconds": int64(1), "timeoutSeconds": int64(5), "failureThreshold": int64(86400)},
			"readinessProbe": map[string]any{"exec": ping, "periodSeconds": int64(5), "timeoutSeconds": int64(5), "failureThreshold": int64(2)},
			"volumeMounts":   []any{mount(volumeName, "/data", false), mount("conf", "/conf", true), mount("tls", "/tls", true), mount("run", "/run/redis", false)},
		}},
		"volumes": []any{
			map[string]any{"name": volumeName, "persistentVolumeClaim": map[string]any{"claimName": e.claim()}},
			secret("conf", e.conf()), secret("tls", kubernetes.ServerTLSSecret),
			map[string]any{"name": "run", "emptyDir": map[string]any{}},
		},
	}
}

// podSecurity and containerSecurity are what pods of an instance are held to.
func (e *clusterEngine) podSecurity() map[string]any {
	return map[string]any{
		"runAsNonRoot": true, "runAsUser": e.config.UserID, "runAsGroup": e.config.GroupID,
		"fsGroup": e.config.GroupID, "fsGroupChangePolicy": "OnRootMismatch",
		"seccompProfile": map[string]any{"type": "RuntimeDefault"},
	}
}

func containerSecurity() map[string]any {
	return map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{"ALL"}}}
}
