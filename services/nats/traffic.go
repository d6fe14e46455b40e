package nats

import (
	"context"
	"errors"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

// meterTraffic is the package's meter of what servers send to their clients.
const meterTraffic = "traffic-out"

// own is what Souk's sessions have received, as servers count it: messages without what
// is around them.
var own driver.Tally

var _ process.Counting = (*engine)(nil)

// Counters implements process.Counting. What a server says of an account begins anew
// whenever log-ins change; what it says of all of them does not.
func (e *engine) Counters(ctx context.Context, host *process.Host) ([]driver.Counter, error) {
	taken := own.Of(host.Instance()).Load() // before the answer, which is not counted yet in what it says
	is, err := ask(ctx, host)
	if err != nil {
		return nil, err
	}
	if is.ID == "" || is.Start.IsZero() {
		return nil, errors.New("the server does not tell since when it runs")
	}
	return []driver.Counter{{Meter: meterTraffic, Value: is.OutBytes, Own: taken, Run: is.ID, Since: is.Start}}, nil
}
