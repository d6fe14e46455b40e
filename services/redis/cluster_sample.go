package redis

import (
	"context"
	"strconv"
	"strings"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

var _ kubernetes.Sampler = (*clusterEngine)(nil)

// Sample implements kubernetes.Sampler, by a session of its own.
func (e *clusterEngine) Sample(ctx context.Context, job *kubernetes.Job, primary string) ([]driver.Sample, error) {
	s, _, err := enterPod(ctx, job, primary)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	text, err := s.figures()
	if err != nil {
		return nil, err
	}
	return append(samples(text), podSamples(text)...), nil
}

// ofPod are the fields of INFO from which the figures come that a supervisor tells of
// an instance elsewhere; those of one figure are added up. What writes the file anew is
// a process of its own, and counted once it has ended.
var ofPod = map[string]string{
	"used_cpu_sys": driver.MetricCPU, "used_cpu_user": driver.MetricCPU,
	"used_cpu_sys_children": driver.MetricCPU, "used_cpu_user_children": driver.MetricCPU,
	"used_memory_rss":  driver.MetricMemory,
	"aof_current_size": driver.MetricStorage,
}

func podSamples(text string) []driver.Sample {
	sums := map[string]float64{}
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if number, err := strconv.ParseFloat(value, 64); err == nil && ofPod[field] != "" {
			sums[ofPod[field]] += number
		}
	}
	var out []driver.Sample
	for name, sum := range sums {
		out = append(out, driver.Sample{Name: name, Value: sum})
	}
	return out
}
