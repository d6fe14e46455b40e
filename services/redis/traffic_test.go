package redis

import (
	"bytes"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

// What clients read is counted, to the byte of what the server sends them, and nothing of
// what Souk's own checks, figures and backups take.
func TestTraffic(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	probe, err := z.Probe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	before := z.Counted(want.ID, meterTraffic)
	z.Watch(probe, want.ID, 20, "read", "connect", "write")
	z.Bring(&want)
	if got := z.Counted(want.ID, meterTraffic) - before; got != 0 {
		t.Errorf("Souk's own sessions have counted %d", got)
	}
	const size, times = 1 << 20, 8
	users := user(t, want, seen.Endpoint)
	do(t, users, "SET", "k", bytes.Repeat([]byte("x"), size))
	before = z.Counted(want.ID, meterTraffic)
	for range times {
		do(t, users, "GET", "k")
	}
	if got, expected := z.Counted(want.ID, meterTraffic)-before, int64(times*(size+len("$1048576\r\n\r\n"))); got != expected {
		t.Errorf("%d were read, and %d counted", expected, got)
	}
}

// A server that does not tell since when it counts is not believed.
func TestTrafficIsRead(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	is, err := traffic("# Server\r\nrun_id:abc\r\nuptime_in_seconds:59\r\ntotal_net_output_bytes:4096\r\n", 96, now)
	if want := (driver.Counter{Meter: meterTraffic, Value: 4096, Own: 96, Run: "abc", Since: now.Add(-time.Minute)}); err != nil || len(is) != 1 || is[0] != want {
		t.Errorf("%+v, %v", is, err)
	}
	is, err = traffic("run_id:abc\r\nuptime_in_seconds:59\r\ntotal_net_output_bytes:4096\r\ntotal_net_repl_output_bytes:4000\r\n", 0, now)
	if err != nil || len(is) != 1 || is[0].Value != 96 {
		t.Errorf("what replicas and backups took is counted: %+v, %v", is, err)
	}
	for _, text := range []string{"", "run_id:abc\r\nuptime_in_seconds:59\r\n", "uptime_in_seconds:59\r\ntotal_net_output_bytes:1\r\n", "run_id:abc\r\ntotal_net_output_bytes:1\r\n"} {
		if is, err := traffic(text, 0, now); err == nil {
			t.Errorf("%q: %+v", text, is)
		}
	}
}
