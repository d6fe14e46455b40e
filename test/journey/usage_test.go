//go:build journey

package journey

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"souk/api"
	"souk/test/soukdev"
)

// What a client reads of a Redis server is measured, told by the hour and on the draft of
// the invoice: all of it, once, also where agent and control plane are killed meanwhile;
// what Souk takes itself is not.
func TestTrafficIsMeasuredAndBilled(t *testing.T) {
	s := soukdev.Build(t)
	s.Start()
	s.Cleanup()
	s.Sh("souk context use acme").Done()
	s.Sh("souk order redis cache --wait").Done()
	// The agent reads the counter whenever the clock was moved, and tells an hour when the
	// next has begun.
	advance := func(until func(api.MeterUsage) error) (is api.MeterUsage) {
		t.Helper()
		for range 4 {
			s.Sh("souk --context operator dev clock advance 1h").Done()
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
				if is = traffic(s, "cache"); until(is) == nil {
					return is
				}
			}
		}
		t.Fatalf("hours were not told: %v", until(is))
		return is
	}
	before := advance(func(is api.MeterUsage) error { return failing(len(is.Hours) == 0, "none") })

	const mib, reads = 1 << 20, 32
	s.Sh(fmt.Sprintf(redisCLI+"eval \"return redis.call('set', 'k', string.rep('x', %d))\" 0", mib)).Prints("OK")
	s.Sh(fmt.Sprintf(redisCLI+`-r %d get k | wc -c`, reads)).Prints(fmt.Sprint(reads * (mib + 1)))
	for _, part := range []string{"agent", "control"} {
		if err := syscall.Kill(s.Part(part), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	s.Eventually("the control plane is there again", func() error { return failing(!s.Ready(), "not yet") })
	is := advance(func(is api.MeterUsage) error {
		return failing(is.Quantity < reads*mib, "%d bytes in %d hours", is.Quantity, len(is.Hours))
	})
	if before.Quantity != 0 || is.Quantity > reads*mib+mib/4 {
		t.Errorf("%d were read, and %d are billed, %d before", reads*mib, is.Quantity, before.Quantity)
	}
	for _, h := range is.Hours {
		if h.Events != 1 {
			t.Errorf("the hour of %s was told %d times", h.From, h.Events)
		}
	}
	if len(is.Gaps) > len(before.Gaps) {
		t.Errorf("it is not known what was used in %v", is.Gaps)
	}
	s.Sh("souk costs --by item").Done("traffic-out")
	s.Sh("souk invoices --draft").Done("redis small, traffic out")
	s.Interrupt()
}

// traffic is what was measured of an instance in this month.
func traffic(s *soukdev.Souk, name string) api.MeterUsage {
	var is api.Usage
	if err := json.Unmarshal([]byte(s.Sh("souk usage "+name+" -o json").Done("traffic-out").Out), &is); err != nil || len(is.Meters) != 1 {
		return api.MeterUsage{}
	}
	return is.Meters[0]
}

func failing(wrong bool, format string, args ...any) error {
	if wrong {
		return fmt.Errorf(format, args...)
	}
	return nil
}
