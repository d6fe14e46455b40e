package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"souk/api"
	"souk/internal/servicepkg"
)

// What an instance counts as while nobody is served, by api.AvailabilityInterval.
const (
	countsUp      = "up"
	countsDown    = "down"
	countsNothing = "no-data"
	countsOutside = "outside-service"
)

// availability: a client reads all the time, while the instance is suspended and, where
// that can be, made to hang. What was measured meanwhile has to agree with what the
// client saw: at each edge within the pause and the patience of the service's first check.
func (r *Run) availability(ctx context.Context) error {
	sli := r.Service.SLI
	if sli == nil || len(sli.Checks) == 0 {
		return errors.New("the service does not say how it is found out whether instances are available")
	}
	every, err := time.ParseDuration(sli.Checks[0].Every)
	timeout, bad := time.ParseDuration(sli.Checks[0].Timeout)
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	credentials, err := r.Project.Credentials(ctx, r.main)
	if err != nil {
		return err
	}
	a := &attended{run: r, edge: every + timeout}
	causes := []cause{{what: "suspended", counts: countsOutside, bring: func(ctx context.Context) error { return r.suspended(ctx, 3*a.edge) }}}
	if r.Prover.Hang != nil {
		causes = append(causes, cause{what: "made to hang", counts: countsDown, bring: func(ctx context.Context) error { return r.Prover.Hang(ctx, credentials, 3*a.edge) }})
	}
	stop := r.attend(ctx, credentials, timeout)
	for i := range causes {
		if err = a.bring(ctx, &causes[i]); err != nil {
			break
		}
	}
	if err == nil {
		err = pass(ctx, 3*a.edge)
	}
	a.tries = stop()
	if err != nil {
		return err
	}
	if err := a.compare(ctx, causes); err != nil {
		return err
	}
	if r.Prover.Hang == nil {
		r.note("An outage that nobody asked for was not tried: a customer's program cannot cause one.")
	}
	return nil
}

// suspended has the main instance suspended for a while.
func (r *Run) suspended(ctx context.Context, lasting time.Duration) error {
	if _, err := r.Project.Suspend(ctx, r.main, api.SuspendRequest{}); err != nil {
		return fmt.Errorf("it cannot be suspended: %w", err)
	}
	_, err := r.until(ctx, r.main, "suspended", func(i api.Instance) bool { return i.Status.Phase == api.PhaseSuspended })
	if err == nil {
		err = pass(ctx, lasting)
	}
	if err != nil {
		return err
	}
	if _, err := r.Project.Resume(ctx, r.main, api.SuspendRequest{}); err != nil {
		return fmt.Errorf("it cannot be resumed: %w", err)
	}
	_, err = r.ready(ctx, r.main)
	return err
}

// pass lets time pass.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// cause is why nobody is served for a while.
type cause struct {
	what, counts string // as what that time counts
	bring        func(context.Context) error
	from, to     time.Time
}

// try is one read of a client.
type try struct {
	began, ended time.Time
	served       bool
}

// stretch is a time in which all reads came to the same.
type stretch struct {
	from, to time.Time
	served   bool
}

// inner is the stretch without what may be measured otherwise at its edges.
func (s stretch) inner(edge time.Duration) (from, to time.Time, any bool) {
	from, to = s.from.Add(edge), s.to.Add(-edge)
	return from, to, to.After(from)
}

// attended is what a client saw while it read all the time.
type attended struct {
	run   *Run
	edge  time.Duration // by which what is measured may differ
	tries []try
}

// bring has nobody served for a while, after a time in which all are.
func (a *attended) bring(ctx context.Context, c *cause) error {
	if err := pass(ctx, 3*a.edge); err != nil {
		return err
	}
	c.from = a.run.Now()
	err := c.bring(ctx)
	c.to = a.run.Now()
	return err
}

// attend reads all the time, as a client does that connects anew when it has to, until
// it is stopped.
func (r *Run) attend(ctx context.Context, c api.Credentials, timeout time.Duration) (stop func() []try) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []try)
	go func() {
		var all []try
		var s servicepkg.Session
		for ctx.Err() == nil {
			one := try{began: r.Now()}
			err := r.readOnce(ctx, c, &s, timeout)
			if one.ended, one.served = r.Now(), err == nil; ctx.Err() == nil {
				all = append(all, one)
			}
			_ = pass(ctx, r.Pause) // or it is stopped
		}
		if s != nil {
			s.Close()
		}
		done <- all
	}()
	return func() []try {
		cancel()
		return <-done
	}
}

// readOnce reads by the session, or by a new one where that is broken.
func (r *Run) readOnce(ctx context.Context, c api.Credentials, s *servicepkg.Session, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if *s == nil {
		fresh, err := r.enter(ctx, c)
		if err != nil {
			return err
		}
		*s = fresh
	}
	if _, err := (*s).Get(ctx, canary); err != nil {
		(*s).Close()
		*s = nil
		return err
	}
	return nil
}

// stretches are what the reads come to. One that fails counts from its beginning, one
// that succeeds from its end.
func (a *attended) stretches() []stretch {
	var all []stretch
	for _, t := range a.tries {
		at := t.began
		if t.served {
			at = t.ended
		}
		if n := len(all); n > 0 {
			all[n-1].to = at
			if all[n-1].served == t.served {
				continue
			}
		}
		all = append(all, stretch{at, at, t.served})
	}
	return all
}

// compare holds what was measured against what the client saw.
func (a *attended) compare(ctx context.Context, causes []cause) error {
	seen := a.stretches()
	if len(seen) == 0 {
		return errors.New("nothing could be read")
	}
	told, err := a.told(ctx, seen[0].from, seen[len(seen)-1].to)
	if err != nil {
		return err
	}
	for _, s := range seen {
		from, to, any := s.inner(a.edge)
		if !any {
			continue // too short to be told of
		}
		counts, saw := countsUp, "was served"
		if !s.served {
			c := causeOf(causes, s)
			if c == nil {
				return notProven(fmt.Sprintf("For %s nothing could be read, which the run had no part in.", seconds(s.to.Sub(s.from))))
			}
			counts, saw = c.counts, "was not served, as it was "+c.what
		}
		if err := agrees(told, from, to, counts); err != nil {
			return fmt.Errorf("from %s to %s a client %s: %w", clockTime(s.from), clockTime(s.to), saw, err)
		}
	}
	for _, c := range causes {
		if err := a.noteCause(seen, told, c); err != nil {
			return err
		}
	}
	return nil
}

// told are the intervals as they are told once they reach to a moment, by the clock of
// the run.
func (a *attended) told(ctx context.Context, from, to time.Time) (list []api.AvailabilityInterval, err error) {
	r := a.run
	err = r.eventually(ctx, func() error {
		is, err := r.Project.Availability(ctx, r.main, "")
		switch {
		case err != nil:
			return err
		case is.NotMeasured != "":
			return final{errors.New("it is not measured: " + is.NotMeasured)}
		case is.From.Add(-r.ahead).After(from):
			return final{notProven("The month ended meanwhile.")}
		case is.Until.Add(-r.ahead).Before(to.Add(-a.edge)):
			return fmt.Errorf("what is told ends at %s", is.Until.UTC().Format(time.RFC3339))
		}
		list = is.Intervals
		return nil
	})
	for i := range list {
		list[i].From, list[i].To = list[i].From.Add(-r.ahead), list[i].To.Add(-r.ahead)
	}
	return list, err
}

func causeOf(causes []cause, s stretch) *cause {
	for i, c := range causes {
		if s.from.Before(c.to) && c.from.Before(s.to) {
			return &causes[i]
		}
	}
	return nil
}

// agrees wants a time to be told as what it counts as, and as nothing else. What was not
// measured is no contradiction.
func agrees(told []api.AvailabilityInterval, from, to time.Time, counts string) error {
	known := false
	for _, t := range told {
		if !t.From.Before(to) || !from.Before(t.To) || t.State == countsNothing {
			continue
		}
		if t.State != counts {
			return fmt.Errorf("that counts as %s, and told is %s from %s to %s", counts, t.State, clockTime(t.From), clockTime(t.To))
		}
		known = true
	}
	if !known {
		return errors.New("nothing was measured then")
	}
	return nil
}

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05.0") }

// noteCause tells of how long nobody was served, as the client saw it and as it counts.
func (a *attended) noteCause(seen []stretch, told []api.AvailabilityInterval, c cause) error {
	var saw, counted time.Duration
	for _, s := range seen {
		if _, _, enough := s.inner(a.edge); enough && !s.served && causeOf([]cause{c}, s) != nil {
			saw += s.to.Sub(s.from)
		}
	}
	if saw == 0 {
		return fmt.Errorf("it was %s, and a client could go on reading", c.what)
	}
	for _, t := range told {
		if t.State == c.counts && t.From.Before(c.to.Add(a.edge)) && c.from.Add(-a.edge).Before(t.To) {
			counted += t.To.Sub(t.From)
		}
	}
	a.run.note("It was %s: a client that read all the time saw no answer for %s; told are %s of %s. Each edge may differ by %s.", c.what, seconds(saw), seconds(counted), c.counts, a.edge)
	return nil
}
