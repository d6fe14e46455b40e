package redis

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver/kubernetes"
)

// sentinelPatience is how long a Sentinel, or a member that may be gone, has to answer.
const sentinelPatience = 2 * time.Second

// settleMembers brings settings, certificate and log-ins into force in all members that
// answer, the primary last. Others begin with them. Until an instance has first held data
// all have to be there.
func (e *clusterEngine) settleMembers(ctx context.Context, job *kubernetes.Job, v kubernetes.View, certificate *x509.Certificate) error {
	in := inForce{certificate: certificate}
	var err error
	if in.live, in.open, err = memberLive(job.Want); err != nil {
		return err
	}
	if in.users, err = memberLogins(job); err != nil {
		return err
	}
	seen := e.Look(v)
	var pods []string
	for _, m := range seen.Members {
		if m.Ready && m.Name != seen.Primary {
			pods = append(pods, m.Name)
		}
	}
	if len(pods)+1 < guaranteedMembers && !job.Want.HeldData {
		return kubernetes.ErrNotYet
	}
	for _, pod := range append(pods, seen.Primary) {
		if err := in.bring(ctx, job, pod); err != nil {
			return notServing(fmt.Errorf("%s: %w", pod, err))
		}
	}
	return agreed(ctx, job, seen.Primary)
}

// agreed says whether enough Sentinels see each other to replace the primary.
func agreed(ctx context.Context, job *kubernetes.Job, pod string) error {
	s, err := enterSentinel(ctx, job, pod)
	if err != nil {
		return notServing(err)
	}
	defer s.Close()
	_, err = s.Do("SENTINEL", "CKQUORUM", monitored)
	var refusal redis.Error
	if errors.As(err, &refusal) {
		return fmt.Errorf("%w: %w", kubernetes.ErrNotYet, err)
	}
	return notServing(err)
}

func enterSentinel(ctx context.Context, job *kubernetes.Job, pod string) (*session, error) {
	s, _, err := enterPort(ctx, job, pod, sentinelPort)
	return s, err
}

// chosenBy is the pod that the Sentinels have as the primary: the newest of what enough of
// them say. While one of them has another take over, or too few answer, it is not known
// yet.
func chosenBy(ctx context.Context, job *kubernetes.Job, pods []string) (string, error) {
	answers, newest, address := 0, int64(-1), ""
	for _, pod := range pods {
		says, err := sentinelSays(ctx, job, pod)
		if err != nil {
			continue
		}
		epoch, err := strconv.ParseInt(says["config-epoch"], 10, 64)
		if err != nil || strings.Contains(says["flags"], "failover_in_progress") {
			return "", kubernetes.ErrNotYet
		}
		answers++
		if epoch > newest {
			newest, address = epoch, says["ip"]
		}
	}
	if answers >= quorum {
		for name, at := range job.Addresses {
			if at == address {
				return name, nil
			}
		}
	}
	return "", kubernetes.ErrNotYet
}

func sentinelSays(ctx context.Context, job *kubernetes.Job, pod string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, sentinelPatience)
	defer cancel()
	s, err := enterSentinel(ctx, job, pod)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return redis.StringMap(s.Do("SENTINEL", "MASTER", monitored))
}

// isReplica says whether a member answers, and that it is a replica.
func isReplica(ctx context.Context, job *kubernetes.Job, pod string) bool {
	ctx, cancel := context.WithTimeout(ctx, sentinelPatience)
	defer cancel()
	s, _, err := enterPod(ctx, job, pod)
	if err != nil {
		return false
	}
	defer s.Close()
	role, err := s.info("replication", "role")
	return err == nil && role == "slave"
}

// readFrom is a replica that has what the primary has, or else the primary: of what fetches
// data there the Sentinels see nothing, which count who follows a primary.
func (e *clusterEngine) readFrom(ctx context.Context, job *kubernetes.Job, primary *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for _, name := range e.memberNames() {
		o, err := job.Get(ctx, podsKind, name)
		if err != nil {
			return nil, err
		}
		if o == nil || o.GetDeletionTimestamp() != nil || primary != nil && name == primary.GetName() {
			continue
		}
		var pod corev1.Pod
		read(o, &pod)
		if containerOf(pod, sentinelName).Ready {
			return o, nil
		}
	}
	return primary, nil
}

// podNames are those of some members.
func podNames(all []member, which func(member) bool) []string {
	var names []string
	for _, m := range all {
		if which(m) {
			names = append(names, m.pod.Name)
		}
	}
	return names
}

// setOf is the StatefulSet as it was last seen.
func setOf(v kubernetes.View) (set appsv1.StatefulSet) {
	read(v.Main, &set)
	return set
}
