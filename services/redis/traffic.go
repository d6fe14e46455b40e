package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/process"
)

// meterTraffic is the package's meter of what servers send to their clients.
const meterTraffic = "traffic-out"

// own is what Souk's sessions have received, as servers count it: before encryption.
var own driver.Tally

var (
	_ process.Counting    = (*engine)(nil)
	_ kubernetes.Counting = (*clusterEngine)(nil)
)

// Counters implements process.Counting.
func (e *engine) Counters(ctx context.Context, host *process.Host) ([]driver.Counter, error) {
	s, err := attempt(ctx, host)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.traffic(host.Instance())
}

// Counters implements kubernetes.Counting, by a session of its own.
func (e *clusterEngine) Counters(ctx context.Context, job *kubernetes.Job, primary string) ([]driver.Counter, error) {
	s, _, err := enterPod(ctx, job, primary)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if job.Want.ServiceLevel == driver.Guaranteed {
		if err := s.tallyWatchers(job.Want.ID); err != nil {
			return nil, err
		}
	}
	return s.traffic(job.Want.ID)
}

func (s *session) traffic(id string) ([]driver.Counter, error) {
	taken := own.Of(id).Load() // before the answer, which is not counted yet in what it says
	text, err := s.figures()
	if err != nil {
		return nil, err
	}
	return traffic(text, taken, time.Now())
}

// traffic reads what INFO says of the bytes that were sent.
func traffic(text string, taken int64, now time.Time) ([]driver.Counter, error) {
	is := driver.Counter{Meter: meterTraffic, Own: taken}
	var sent, copied, up string
	for line := range strings.Lines(text) {
		switch field, value, _ := strings.Cut(strings.TrimSpace(line), ":"); field {
		case "total_net_output_bytes":
			sent = value
		case "total_net_repl_output_bytes":
			copied = value // to replicas, of what was sent
		case "uptime_in_seconds":
			up = value
		case "run_id":
			is.Run = value
		}
	}
	var err error
	if is.Value, err = strconv.ParseInt(sent, 10, 64); err != nil || is.Run == "" {
		return nil, errors.New("the server does not tell what it has sent since when")
	}
	if toReplicas, err := strconv.ParseInt(copied, 10, 64); err == nil {
		is.Value -= toReplicas
	}
	seconds, err := strconv.ParseInt(up, 10, 64)
	if err != nil {
		return nil, errors.New("the server does not tell since when it runs")
	}
	is.Since = now.Add(-time.Duration(seconds+1) * time.Second) // at the latest
	return []driver.Counter{is}, nil
}
