package redis

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// An instance with guaranteed availability has a primary and two replicas, each in a
// failure domain of its own, and beside each a Redis Sentinel. The Sentinels alone say who
// is the primary: they have a replica take over once two of them miss it, servers ask them
// before they start, and what the agent does it does by them.
//
// Members know each other by the addresses of one Service each: these stay when pods are
// replaced, and are known without a name server that a lost node may have had. Clients are
// led to the one pod that is ready, and a pod is ready while its server is a primary, so
// that a failover needs no agent.
const guaranteedMembers = 3

// sentinelPort is for the Sentinels, for servers that start, and for the agent.
const sentinelPort = 26379

// sentinelName is the container of the Sentinel. It is ready while the server beside it is
// the primary, or has what the primary has.
const sentinelName = "sentinel"

// monitored is what the Sentinels call the instance.
const monitored = "primary"

// Log-ins of members: by which replicas follow, and which Sentinels have at servers and at
// each other. What they need is in Redis' own documentation.
const (
	replicaLogin  = "souk_replica"
	sentinelLogin = "souk_sentinel"
)

var (
	replicaRights  = []string{"resetkeys", "resetchannels", "-@all", "+psync", "+replconf", "+ping"}
	sentinelRights = []string{
		"resetkeys", "allchannels", "-@all", "+multi", "+slaveof", "+ping", "+exec", "+subscribe", "+config|rewrite",
		"+role", "+publish", "+info", "+client|setname", "+client|kill", "+script|kill",
	}
	amongSentinels = []string{"resetkeys", "allchannels", "-@all", "+ping", "+publish", "+client|setname", "+sentinel|is-master-down-by-addr", "+sentinel|master"}
	podRights      = []string{"resetkeys", "resetchannels", "-@all", "+ping", "+role", "+wait"}
)

// withSentinels are users' rights where Sentinels are: these tell each other who is the
// primary on a channel that users can read as any other, and not write to.
var withSentinels = func() []string {
	own := slices.DeleteFunc(slices.Clone(rights), func(rule string) bool { return rule == "&*" })
	return append(own, "&[^_]*", "&_", "&_[^_]*", "&__", "&__[^s]*", "(&* +subscribe +psubscribe +ssubscribe)")
}()

// What bounds the loss of a failover: a primary takes no writes while no replica has
// confirmed anything for lagSeconds. downMillis is after what time without an answer the
// Sentinels have another member take over.
const (
	lagSeconds     = 3
	downMillis     = 5000
	failoverMillis = 10000
	quorum         = 2 // of three Sentinels
)

// memberSettings are those of a server with replicas that can be only set at its start.
func memberSettings(job *kubernetes.Job) map[string]string {
	memory := job.Want.Plan.MemoryMiB << 20
	return map[string]string{
		"tls-replication":            "yes",
		"tls-ca-cert-file":           "/ca/ca.crt",
		"masteruser":                 replicaLogin,
		"masterauth":                 clusterPassword(job, replicaLogin),
		"min-replicas-max-lag":       fmt.Sprint(lagSeconds),
		"repl-backlog-size":          fmt.Sprint(8 << 20),
		"repl-diskless-sync-delay":   "0", // no write is taken before the first replica is there
		"client-output-buffer-limit": fmt.Sprintf("replica %d %d 60", memory/8, memory/16),
	}
}

// memberLive are the settings of members that can change while their servers run, and
// whether anybody may connect.
func memberLive(want driver.Instance) (live map[string]string, open bool, err error) {
	live, open, err = clusterSettings(want)
	if err != nil {
		return nil, false, err
	}
	live["min-replicas-to-write"], live["replica-priority"] = "1", "100"
	return live, open, nil
}

// memberLogins are all log-ins of members.
func memberLogins(job *kubernetes.Job) (map[string][]string, error) {
	all, err := clusterLogins(job)
	if err != nil {
		return nil, err
	}
	for _, c := range job.Want.Credentials {
		all[c.Login] = rules(c.Password, withSentinels)
	}
	turnOff(job.Want, all)
	all[podLogin] = rules(clusterPassword(job, podLogin), podRights)
	all[replicaLogin] = rules(clusterPassword(job, replicaLogin), replicaRights)
	all[sentinelLogin] = rules(clusterPassword(job, sentinelLogin), sentinelRights)
	return all, nil
}

// sentinelText is the configuration of a Sentinel but for what it writes there itself.
func sentinelText(job *kubernetes.Job) string {
	password := clusterPassword(job, sentinelLogin)
	lines := []string{
		"port 0", "dir /data/sentinel", `logfile ""`, "aclfile /conf/sentinel.acl",
		fmt.Sprintf("tls-port %d", sentinelPort), "tls-replication yes", "tls-auth-clients no", "tls-protocols " + fixed["tls-protocols"],
		"tls-cert-file /tls/tls.crt", "tls-key-file /tls/tls.key", "tls-ca-cert-file /ca/ca.crt",
		"sentinel sentinel-user " + sentinelLogin, "sentinel sentinel-pass " + password,
	}
	for _, setting := range [][2]any{
		{"auth-user", sentinelLogin}, {"auth-pass", password}, {"down-after-milliseconds", downMillis},
		{"failover-timeout", failoverMillis}, {"parallel-syncs", 1},
	} {
		lines = append(lines, fmt.Sprintf("sentinel %s %s %v", setting[0], monitored, setting[1]))
	}
	return strings.Join(lines, "\n") + "\n"
}

//go:embed member.sh
var memberScript []byte

// memberSecrets has the one with all that members begin with.
func (e *clusterEngine) memberSecrets(job *kubernetes.Job) ([]*unstructured.Unstructured, error) {
	live, _, err := memberLive(job.Want)
	if err != nil {
		return nil, err
	}
	users, err := memberLogins(job)
	if err != nil {
		return nil, err
	}
	own := maps.Clone(fixed)
	maps.Copy(own, podSettings)
	maps.Copy(own, memberSettings(job))
	data := map[string][]byte{
		"redis.conf":    []byte(config{fixed: own, live: live}.text()),
		"users.acl":     []byte(userLines(users)),
		"sentinel.conf": []byte(sentinelText(job)),
		"sentinel.acl": []byte(userLines(map[string][]string{
			"default":     {"off", "nocommands"},
			administrator: rules(clusterPassword(job, administrator), []string{"~*", "&*", "+@all"}),
			sentinelLogin: rules(clusterPassword(job, sentinelLogin), amongSentinels),
		})),
		"probe":     []byte(clusterPassword(job, podLogin)),
		"sentinel":  []byte(clusterPassword(job, sentinelLogin)),
		"member.sh": memberScript,
	}
	for _, name := range e.memberNames() {
		data[name] = []byte(hex.EncodeToString(job.Secret("sentinel of " + name))[:40]) // as Sentinels are told apart
	}
	if job.Want.HeldData {
		data["held"] = []byte("yes")
	}
	maps.Copy(data, restoreFiles(job))
	return []*unstructured.Unstructured{kubernetes.Secret(job.Namespace, e.conf(), job.Labels, data)}, nil
}

// memberNames are those of the members' pods, and of the Services that lead to them.
func (e *clusterEngine) memberNames() []string {
	var names []string
	for n := range guaranteedMembers {
		names = append(names, fmt.Sprintf("%s-%d", e.set(), n))
	}
	return names
}

// memberClaim is the claim of a pod, as a StatefulSet names it.
func memberClaim(pod string) string { return volumeName + "-" + pod }
