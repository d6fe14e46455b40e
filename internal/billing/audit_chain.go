package billing

import (
	"slices"
	"time"

	"souk/internal/agentapi"
	"souk/internal/billing/billingdb"
	"souk/internal/driver"
)

// checkChain compares the stored chain with the moments.
func (a *audited) checkChain() {
	if len(a.stored) == 0 {
		a.wrong("it has no billing chain")
		return
	}
	if !a.stored[0].FromAt.Equal(a.instance.CreatedAt) {
		a.wrong("its chain starts at %s, not with its order at %s", stamp(a.stored[0].FromAt), stamp(a.instance.CreatedAt))
	}
	end, ended := a.end()
	for n, s := range a.stored {
		last := n == len(a.stored)-1
		if !last && (s.ToAt == nil || !s.ToAt.Equal(a.stored[n+1].FromAt)) {
			a.wrong("its chain has a gap or an overlap at %s", stamp(a.stored[n+1].FromAt))
		}
		if last && ended != (s.ToAt != nil) {
			a.wrong("its chain is open although it is gone, or ended although it is not")
		}
		if last && ended && s.ToAt != nil && !s.ToAt.Equal(end) {
			a.wrong("its chain ends at %s, but it was gone at %s", stamp(*s.ToAt), stamp(end))
		}
		to := a.now
		if s.ToAt != nil {
			to = *s.ToAt
		}
		if to.After(s.FromAt) {
			a.micros += to.Sub(s.FromAt).Microseconds()
		}
	}
	for _, at := range a.moments(end, ended) {
		a.checkMoment(at)
	}
}

// end is when a fact reported the purged instance gone.
func (a *audited) end() (time.Time, bool) {
	for _, f := range a.facts {
		wanted := a.wantedAt(f.EffectiveAt)
		if f.State == string(driver.StateGone) && wanted.Intent == string(agentapi.IntentPurged) && f.Generation >= wanted.Generation {
			return f.EffectiveAt, true
		}
	}
	return time.Time{}, false
}

// moments are all at which anything can change, each link's start among them.
func (a *audited) moments(end time.Time, ended bool) []time.Time {
	var out []time.Time
	for _, c := range a.commands {
		out = append(out, c.AcceptedAt)
	}
	for _, f := range a.facts {
		out = append(out, f.EffectiveAt)
	}
	for _, s := range a.stored {
		out = append(out, s.FromAt)
	}
	return slices.DeleteFunc(out, func(t time.Time) bool { return ended && !t.Before(end) })
}

func (a *audited) wantedAt(t time.Time) billingdb.Command {
	wanted := a.commands[0]
	for _, c := range a.commands {
		if !c.AcceptedAt.After(t) {
			wanted = c
		}
	}
	return wanted
}

// checkMoment works out from everything up to t how the instance is billed just
// then, and compares that with the link that covers t.
func (a *audited) checkMoment(t time.Time) {
	wanted := a.wantedAt(t)
	held, back, failed, inForce := false, false, false, int64(0)
	for _, f := range a.facts {
		if f.EffectiveAt.After(t) {
			break
		}
		running := f.State == string(driver.StateRunning)
		held = held || running
		back = back || (running && f.Generation >= wanted.ActiveGeneration)
		failed = f.State == string(driver.StateFailed)
		inForce = max(inForce, f.Generation)
	}
	compute := wanted.Intent == string(agentapi.IntentActive) && held && back && !failed
	storage := held && wanted.Intent != string(agentapi.IntentPurged)
	terms := wanted
	if held && inForce > 0 && a.commands[inForce-1].AcceptedAt.Compare(t) <= 0 {
		terms = a.commands[inForce-1]
	}
	i := slices.IndexFunc(a.stored, func(s billingdb.Segment) bool { return !s.FromAt.After(t) && (s.ToAt == nil || s.ToAt.After(t)) })
	if i < 0 {
		a.wrong("no link of its chain covers %s", stamp(t))
		return
	}
	s := a.stored[i]
	if state := a.state(wanted, held, back, failed); s.State != string(state) {
		a.wrong("at %s it is billed as %s; it should be %s", stamp(t), s.State, state)
	}
	if s.ComputeBilled != compute || s.StorageBilled != storage {
		a.wrong("at %s compute is billed %v and storage %v; it should be %v and %v", stamp(t), s.ComputeBilled, s.StorageBilled, compute, storage)
	}
	if s.PlanRevisionID != terms.PlanRevisionID || s.PriceListRevisionID != terms.PriceListRevisionID || s.StorageGib != terms.StorageGib || s.ServiceLevel != terms.ServiceLevel || s.ProjectID != wanted.ProjectID || s.BillingAccountID != wanted.BillingAccountID || s.OrganizationID != wanted.OrganizationID {
		a.wrong("at %s it is billed on other terms than those of command %d", stamp(t), terms.Generation)
	}
}

// state is why it is billed so.
func (a *audited) state(wanted billingdb.Command, held, back, failed bool) State {
	switch {
	case wanted.Intent == string(agentapi.IntentPurged):
		return StatePurging
	case wanted.Intent == string(agentapi.IntentDeleted):
		return StateDeleted
	case wanted.Intent == string(agentapi.IntentSuspended):
		return StateSuspended
	case failed:
		return StateFailed
	case !held:
		return StateProvisioning
	case !back:
		return StateResuming
	}
	return StateActive
}

// checkRecord: each link was recorded, closed and superseded when something
// happened, and what was known before each supersession is what the commands
// and facts before it say. Runs at an earlier watermark rely on that.
func (a *audited) checkRecord() {
	happened := map[int64]bool{}
	for _, c := range a.commands {
		happened[c.AcceptedAt.UnixMicro()] = true
	}
	for _, f := range a.facts {
		happened[f.ReceivedAt.UnixMicro()] = true
	}
	turns := a.overtaken()
	all := slices.Concat(a.stored, a.replaced)
	for _, s := range all {
		for _, t := range []*time.Time{&s.RecordedAt, s.ToRecordedAt, s.SupersededAt} {
			if t != nil && (t.Before(s.RecordedAt) || !happened[t.UnixMicro()]) {
				a.wrong("its link from %s on was recorded, closed or superseded at %s, when nothing happened", stamp(s.FromAt), stamp(*t))
			}
		}
		if t := s.SupersededAt; t != nil && !slices.ContainsFunc(turns, t.Equal) {
			turns = append(turns, *t)
		}
	}
	for _, s := range a.backups.replaced {
		if t := *s.SupersededAt; !slices.ContainsFunc(turns, t.Equal) {
			turns = append(turns, t)
		}
	}
	for _, t := range turns {
		known := a.before(t)
		if len(known.commands) > 0 {
			known.checkChain()
			known.checkBackupChain()
		}
		for _, p := range known.problems {
			a.wrong("as known before %s: %s", stamp(t), p)
		}
	}
}

// overtaken are the times at which facts were received that commands had overtaken:
// with them links are superseded.
func (a *audited) overtaken() (out []time.Time) {
	for _, f := range a.facts {
		if f.Transition && slices.ContainsFunc(a.commands, func(c billingdb.Command) bool {
			return c.AcceptedAt.After(f.EffectiveAt) && c.AcceptedAt.Before(f.ReceivedAt)
		}) {
			out = append(out, f.ReceivedAt)
		}
	}
	return out
}

// before is what was known of the instance before a moment.
func (a *audited) before(t time.Time) *audited {
	b := &audited{instance: a.instance, now: t}
	for _, c := range a.commands {
		if c.AcceptedAt.Before(t) {
			b.commands = append(b.commands, c)
		}
	}
	for _, f := range a.facts {
		if f.ReceivedAt.Before(t) {
			b.facts = append(b.facts, f)
		}
	}
	for _, s := range slices.Concat(a.stored, a.replaced) {
		if !s.RecordedAt.Before(t) || (s.SupersededAt != nil && s.SupersededAt.Before(t)) {
			continue
		}
		if s.ToRecordedAt != nil && !s.ToRecordedAt.Before(t) {
			s.ToAt = nil
		}
		b.stored = append(b.stored, s)
	}
	slices.SortFunc(b.stored, func(x, y billingdb.Segment) int { return x.FromAt.Compare(y.FromAt) })
	a.backupsBefore(t, b)
	return b
}
