package postgresql

import (
	"context"
	_ "embed"
	"strconv"
	"strings"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// clusterSamples is what the server tells of its pod: what its files take, and what
// its control group (version 2 or 1) has counted, which a server may read of itself.
//
//go:embed cluster_samples.sql
var clusterSamples string

var _ kubernetes.Sampler = (*clusterEngine)(nil)

// Sample implements kubernetes.Sampler, by a session of its own in the primary.
func (e *clusterEngine) Sample(ctx context.Context, job *kubernetes.Job, primary string) ([]driver.Sample, error) {
	admin, err := enterPod(ctx, job, primary, "postgres")
	if err != nil {
		return nil, err
	}
	defer admin.Close(ctx)
	own, err := admin.samples(ctx)
	if err != nil {
		return nil, err
	}
	pod, err := admin.podSamples(ctx)
	return append(own, pod...), err
}

// podSamples are the figures that a supervisor tells of an instance elsewhere.
func (s *session) podSamples(ctx context.Context) ([]driver.Sample, error) {
	var storage int64
	var cpu, cpuV1, memory, details *string
	if err := s.QueryRow(ctx, clusterSamples).Scan(&storage, &cpu, &cpuV1, &memory, &details); err != nil {
		return nil, err
	}
	out := []driver.Sample{{Name: driver.MetricStorage, Value: float64(storage)}}
	if micros, ok := counted(cpu, "usage_usec"); ok {
		out = append(out, driver.Sample{Name: driver.MetricCPU, Value: (time.Duration(micros) * time.Microsecond).Seconds()})
	} else if nanos, ok := counted(cpuV1, ""); ok {
		out = append(out, driver.Sample{Name: driver.MetricCPU, Value: time.Duration(nanos).Seconds()})
	}
	held, ok := counted(memory, "")
	idle, known := counted(details, "total_inactive_file")
	if !known {
		idle, known = counted(details, "inactive_file")
	}
	if ok && known {
		out = append(out, driver.Sample{Name: driver.MetricMemory, Value: float64(max(held-idle, 0))})
	}
	return out, nil
}

// counted reads a number of a control group's file: the whole of it, or that of a
// line "NAME NUMBER".
func counted(file *string, name string) (int64, bool) {
	if file == nil {
		return 0, false
	}
	for line := range strings.Lines(*file) {
		if name != "" {
			rest, ok := strings.CutPrefix(line, name+" ")
			if !ok {
				continue
			}
			line = rest
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		return n, err == nil
	}
	return 0, false
}
