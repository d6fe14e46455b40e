package nats

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

// What clients get is counted, and nothing of what Souk's own checks and figures take;
// also where log-ins change, at which the server counts some things anew.
func TestTraffic(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	seen := z.Bring(&want)
	probe, err := z.Probe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	const size, times = 1 << 18, 16
	nc := user(t, want, seen.Endpoint)
	heard, err := nc.SubscribeSync("s")
	if err != nil {
		t.Fatal(err)
	}
	before := z.Counted(want.ID, meterTraffic)
	for range times {
		if err := nc.Publish("s", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if _, err := heard.NextMsg(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	z.Watch(probe, want.ID, 10, "message", "connect", "write")
	want.Generation, want.Credentials = want.Generation+1, append(want.Credentials, driver.Credential{ID: uuid.NewString(), Login: "bob", Password: "battery-horse-correct"})
	z.Bring(&want)
	// Refusals before the probe has its stream are received, and not counted.
	if got := z.Counted(want.ID, meterTraffic) - before; got > size*times || got < size*times-64 {
		t.Errorf("%d were sent, and %d counted", size*times, got)
	}
}
