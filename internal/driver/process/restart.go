package process

import (
	"context"
	"time"

	"souk/internal/shim"
)

// restart ends the engine in good order, once for each number that is asked for; the
// engine's own steps then start it again. Which engine it is to end is recorded
// before, so that one that was started since is left alone.
func (d *Driver) restart(ctx context.Context, u *unit, engine Engine, host *Host, number int64) error {
	if number == 0 {
		return nil
	}
	status, err := host.Status(ctx)
	if err != nil {
		return err
	}
	u.mu.Lock()
	asked, of := u.record.Restart, u.record.RestartOf
	u.mu.Unlock()
	if asked != number {
		of = time.Time{} // none runs: what is started is new
		if status.State == shim.Running {
			of = status.Since.UTC()
		}
		if err := d.save(u, func(r *record) { r.Restart, r.RestartOf = number, of }); err != nil {
			return err
		}
	}
	if status.State != shim.Running || of.IsZero() || !status.Since.Equal(of) {
		return nil
	}
	u.interrupt(d.cfg.Now())
	return host.Stop(ctx, engine.StopSignal(), stopTimeout)
}
