package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/step"
)

var _ kubernetes.Tender = (*clusterEngine)(nil)

var (
	stepPaused     = step.New("redis-guaranteed-cluster/paused")
	stepHandedOver = step.New("redis-guaranteed-cluster/handed-over")
)

// Tend implements kubernetes.Tender. Members that are not as described are replaced one
// at a time while all others are well: first what is not well, then replicas, then the
// primary, whose part a replica takes before.
func (e *clusterEngine) Tend(ctx context.Context, job *kubernetes.Job, v kubernetes.View) error {
	if job.Want.ServiceLevel != driver.Guaranteed || v.Main == nil {
		return nil
	}
	set := setOf(v)
	all := membersOf(v, set)
	if err := dismiss(ctx, job, v, all); err != nil {
		return err
	}
	if set.Status.ObservedGeneration < set.Generation || set.Status.UpdateRevision == "" {
		return nil // its controller is heard of again
	}
	outdated := slices.DeleteFunc(slices.Clone(all), func(m member) bool { return m.current })
	if len(outdated) == 0 {
		return nil
	}
	if slices.ContainsFunc(all, func(m member) bool { return m.pod.DeletionTimestamp != nil }) || len(all) < guaranteedMembers {
		return nil // one is being replaced
	}
	if i := slices.IndexFunc(outdated, func(m member) bool { return !m.well && !m.leads }); i >= 0 {
		return replace(ctx, job, v, outdated[i].pod.Name)
	}
	if slices.ContainsFunc(all, func(m member) bool { return !m.well }) {
		return nil
	}
	primary, err := chosenBy(ctx, job, podNames(all, func(member) bool { return true }))
	if err != nil {
		return err
	}
	if leading(all) != primary {
		return kubernetes.ErrNotYet
	}
	if i := slices.IndexFunc(outdated, func(m member) bool { return m.pod.Name != primary }); i >= 0 {
		return replace(ctx, job, v, outdated[i].pod.Name)
	}
	if err := handOver(ctx, job, primary, podNames(all, func(m member) bool { return m.pod.Name != primary })); err != nil {
		return notServing(err)
	}
	return replace(ctx, job, v, primary)
}

// dismiss replaces a pod that counts as ready though another member is the primary, and
// that does not say itself that it is a replica: one on a node that is gone, say, which
// Kubernetes would lead clients to until it misses the node. A pod that is deleted it
// leads nobody to.
func dismiss(ctx context.Context, job *kubernetes.Job, v kubernetes.View, all []member) error {
	leads := podNames(all, func(m member) bool { return m.leads })
	if len(leads) < 2 {
		return nil
	}
	newest := leading(all)
	primary, err := chosenBy(ctx, job, podNames(all, func(m member) bool { return m.pod.Name == newest || !m.leads }))
	if err != nil {
		return err
	}
	for _, pod := range leads {
		if pod == primary || isReplica(ctx, job, pod) {
			continue
		}
		if err := replace(ctx, job, v, pod); err != nil {
			return err
		}
	}
	return nil
}

// replace has another pod made in place of one.
func replace(ctx context.Context, job *kubernetes.Job, v kubernetes.View, name string) error {
	i := slices.IndexFunc(v.Pods, func(pod *unstructured.Unstructured) bool { return pod.GetName() == name })
	if i < 0 {
		return nil
	}
	return job.Replace(ctx, v.Pods[i])
}

// How long writes may wait while the primary's part goes to a replica, of that until the
// replicas have all and until the Sentinels are done, and how often it is looked.
const (
	pauseMillis   = 15000
	catchUpWithin = 3 * time.Second
	replaceWithin = 11 * time.Second // a little more than the Sentinels' failoverMillis
	lookEvery     = 100 * time.Millisecond
)

// handOver has a replica take the primary's part without losing a write: writes wait
// until the replicas have all before; the Sentinels then do as in a failover. Should the
// agent end meanwhile, writes go on by themselves.
func handOver(ctx context.Context, job *kubernetes.Job, primary string, replicas []string) error {
	s, _, err := enterPod(ctx, job, primary)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Do("CLIENT", "PAUSE", pauseMillis, "WRITE"); err != nil {
		return err
	}
	stepPaused.Done()
	sentinel, err := beginFailover(ctx, job, s, replicas)
	if err != nil {
		_, _ = s.Do("CLIENT", "UNPAUSE")
		return err
	}
	defer sentinel.Close()
	stepHandedOver.Done()
	ctx, cancel := context.WithTimeout(ctx, replaceWithin)
	defer cancel()
	return each(ctx, func() (bool, error) {
		says, err := redis.StringMap(sentinel.Do("SENTINEL", "MASTER", monitored))
		return err == nil && says["ip"] != job.Addresses[primary], err
	})
}

// beginFailover has the Sentinels make another member the primary once the replicas have
// all that the primary has, and returns the session with the one that does.
func beginFailover(ctx context.Context, job *kubernetes.Job, primary *session, replicas []string) (*session, error) {
	if err := awaitCaughtUp(ctx, primary, len(replicas)); err != nil {
		return nil, err
	}
	s, err := enterSentinel(ctx, job, replicas[0])
	if err != nil {
		return nil, err
	}
	if _, err := s.Do("SENTINEL", "FAILOVER", monitored); err != nil {
		s.Close()
		return nil, fmt.Errorf("%w: %w", kubernetes.ErrNotYet, err)
	}
	return s, nil
}

// awaitCaughtUp waits until so many replicas have what the primary has now.
func awaitCaughtUp(ctx context.Context, s *session, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpWithin)
	defer cancel()
	target := int64(-1)
	return each(ctx, func() (bool, error) {
		text, err := redis.String(s.Do("INFO", "replication"))
		if err != nil {
			return false, err
		}
		own, theirs := offsets(text)
		if target < 0 {
			target = own
		}
		have := 0
		for _, offset := range theirs {
			if offset >= target {
				have++
			}
		}
		return have >= replicas, nil
	})
}

// offsets are how far a primary and its replicas are, as it says.
func offsets(info string) (own int64, replicas []int64) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "master_repl_offset" {
			own, _ = strconv.ParseInt(value, 10, 64)
		}
		if !strings.HasPrefix(name, "slave") || !strings.Contains(value, "state=online") {
			continue
		}
		for field := range strings.SplitSeq(value, ",") {
			if text, ok := strings.CutPrefix(field, "offset="); ok {
				offset, _ := strconv.ParseInt(text, 10, 64)
				replicas = append(replicas, offset)
			}
		}
	}
	return own, replicas
}

// each looks again and again until something is there; ErrNotYet where it is not in time.
func each(ctx context.Context, there func() (bool, error)) error {
	for {
		ok, err := there()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return kubernetes.ErrNotYet
		case <-time.After(lookEvery):
		}
	}
}
