package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
)

// The same of the store within the process and of a Prometheus elsewhere.
func TestStores(t *testing.T) {
	t.Run("within the process", func(t *testing.T) { conform(t, local(t)) })
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Log("not run against Prometheus: there is none on this machine (Debian: prometheus)")
		return
	}
	t.Run("Prometheus", func(t *testing.T) { conform(t, prometheus(t, program)) })
}

// conform is what every store does.
func conform(t *testing.T, s Store) {
	now := time.Now().Truncate(time.Second)
	late := func(id string, ago time.Duration, v float64) prompb.TimeSeries {
		return prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "late"}, {Name: LabelID, Value: id}},
			Samples: []prompb.Sample{{Timestamp: now.Add(-ago).UnixMilli(), Value: v}}}
	}
	for _, series := range []prompb.TimeSeries{late(mine, 0, 1), late(mine, time.Hour, 2), late(mine, 23*time.Hour, 4), late(mine, time.Hour, 2), late(theirs, 0, 100), series(mine, "up"), series(theirs, "up")} {
		if err := s.Append(t.Context(), []prompb.TimeSeries{series}); err != nil {
			t.Fatal(err)
		}
	}
	for expr, want := range map[string]string{
		"sum(sum_over_time(late[25h]))":           `"7"`,
		`sum(late{instance_id=~".*"})`:            `"1"`,
		`sum(late{instance_id="` + theirs + `"})`: `"result":[]`,
	} {
		result, err := s.Query(t.Context(), mine, Query{Expr: expr, Start: now, End: now})
		if err != nil || !strings.Contains(string(result.Data), want) {
			t.Errorf("%s: %s, %v; want %s", expr, result.Data, err, want)
		}
	}
	result, err := s.Query(t.Context(), mine, Query{Expr: "up", Start: noon.Add(-time.Minute), End: noon, Step: 15 * time.Second})
	if err != nil || !strings.Contains(string(result.Data), `"39"`) || strings.Contains(string(result.Data), theirs) {
		t.Errorf("%s, %v", result.Data, err)
	}
	sets, err := s.Series(t.Context(), mine, []string{"up", `{instance_id="` + theirs + `"}`}, noon.Add(-time.Hour), noon)
	if err != nil || len(sets) != 1 || sets[0][LabelID] != mine {
		t.Errorf("%v, %v", sets, err)
	}
	for _, expr := range []string{"sum((", "rate(up)", "up * on() group_left() up + {"} {
		var refused *QueryError
		if _, err := s.Query(t.Context(), mine, Query{Expr: expr, Start: now, End: now}); !errors.As(err, &refused) || refused.Kind == Unavailable {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// prometheus starts one, as an operator would for Souk.
func prometheus(t *testing.T, program string) *Remote {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("storage: { tsdb: { out_of_order_time_window: 24h } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	var said bytes.Buffer
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--web.enable-remote-write-receiver")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(fmt.Sprintf("http://%s/-/ready", address))
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(until) {
			t.Fatalf("Prometheus does not get ready: %s", said.String())
		}
	}
	return NewRemote(RemoteConfig{WriteURL: "http://" + address + "/api/v1/write", QueryURL: "http://" + address})
}
