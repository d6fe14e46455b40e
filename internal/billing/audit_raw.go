package billing

import (
	"slices"
	"time"

	"souk/internal/agentapi"
	"souk/internal/billing/billingdb"
	"souk/internal/driver"
	"souk/internal/lifecycle"
)

// checkCommands: numbered without gaps, never back in time, the first an order
// at the instance's creation, each following from the one before, the last what
// the instance shows.
func (a *audited) checkCommands() {
	if len(a.commands) == 0 {
		a.wrong("it has no commands")
		return
	}
	active := int64(1)
	for n, c := range a.commands {
		if c.Generation != int64(n+1) {
			a.wrong("command %d is missing", n+1)
			return
		}
		var before billingdb.Command
		if n > 0 {
			before = a.commands[n-1]
		}
		if !follows(before, c, a.leastStorage(before, c)) {
			a.wrong("command %d (%s, after it %s) does not follow from what was before it", c.Generation, c.Kind, c.Intent)
		}
		if c.AcceptedAt.Before(before.AcceptedAt) {
			a.wrong("command %d was accepted before command %d", n+1, n)
		}
		if c.Kind == "resume" || c.Kind == "undelete" {
			active = c.Generation
		}
		if c.ActiveGeneration != active {
			a.wrong("command %d continues the life of command %d, not %d", n+1, active, c.ActiveGeneration)
		}
		if i := a.instance; c.OrganizationID != i.OrganizationID || c.BillingAccountID != i.OrganizationID || c.ProjectID != i.ProjectID {
			a.wrong("command %d is of another organization or project", n+1)
		}
	}
	a.checkWanted(a.commands[len(a.commands)-1])
}

// follows says whether a command can come after the one before it: its kind
// leads from that intent to this one, and only an update changes the terms.
func follows(before, c billingdb.Command, leastStorage int64) bool {
	const active, suspended, deleted, purged = string(agentapi.IntentActive), string(agentapi.IntentSuspended), string(agentapi.IntentDeleted), string(agentapi.IntentPurged)
	alive := []string{active, suspended}
	var from, to []string
	switch c.Kind {
	case "order":
		return before.Kind == "" && c.Intent == active
	case "update":
		return before.Kind != "" && before.Intent != purged && c.Intent == before.Intent && c.ServiceLevel == before.ServiceLevel && c.StorageGib >= leastStorage
	case "suspend":
		from, to = []string{active}, []string{suspended}
	case "resume":
		from, to = []string{suspended}, []string{active}
	case "delete":
		from, to = alive, []string{deleted}
	case "undelete":
		from, to = []string{deleted}, alive
	case "purge":
		from, to = []string{deleted}, []string{purged}
	}
	return slices.Contains(from, before.Intent) && slices.Contains(to, c.Intent) && c.PlanRevisionID == before.PlanRevisionID &&
		c.PriceListRevisionID == before.PriceListRevisionID && c.ServiceLevel == before.ServiceLevel && c.StorageGib == before.StorageGib
}

// leastStorage is what a command may ask for at least: what was asked for before
// it or, where that was not in force yet, what was.
func (a *audited) leastStorage(before, c billingdb.Command) int64 {
	least := before.StorageGib
	for _, f := range a.facts {
		if f.ReceivedAt.After(c.AcceptedAt) || f.Generation >= c.Generation {
			break
		}
		if f.Generation > 0 {
			least = min(before.StorageGib, a.commands[f.Generation-1].StorageGib)
		}
	}
	return least
}

// checkWanted: the instance shows what its last command says.
func (a *audited) checkWanted(last billingdb.Command) {
	i := a.instance
	if first := a.commands[0].AcceptedAt; !first.Equal(i.CreatedAt) {
		a.wrong("its order was accepted at %s, but it was created at %s", stamp(first), stamp(i.CreatedAt))
	}
	if i.Generation != last.Generation || i.ActiveGeneration != last.ActiveGeneration || !i.LastCommandAt.Equal(last.AcceptedAt) || i.Intent != last.Intent ||
		i.PlanRevisionID != last.PlanRevisionID || i.StorageGib != last.StorageGib || i.ServiceLevel != last.ServiceLevel || i.PriceListRevisionID != last.PriceListRevisionID {
		a.wrong("it does not show what its last command (%d, %s) says", last.Generation, last.Kind)
	}
}

// checkFacts: each as the agent said it, in force when it can have been, marked
// rightly, received in the order of time; and the instance shows the last.
func (a *audited) checkFacts() {
	if len(a.commands) == 0 {
		return
	}
	before := billingdb.RawFactsRow{EffectiveAt: a.instance.CreatedAt, ReceivedAt: a.instance.CreatedAt}
	held := false
	for _, f := range a.facts {
		switch {
		case f.OrganizationID != a.instance.OrganizationID:
			a.wrong("fact %d of epoch %d is of another organization", f.Sequence, f.Epoch)
		case f.State != f.SaidState || f.Generation != f.SaidGeneration:
			a.wrong("fact %d of epoch %d is not what was observed", f.Sequence, f.Epoch)
		case f.ReceivedAt.Before(before.ReceivedAt):
			a.wrong("fact %d of epoch %d was received before the one before it", f.Sequence, f.Epoch)
		case f.Generation < 0 || f.Generation > int64(len(a.commands)):
			a.wrong("fact %d of epoch %d reports command %d, which was never given", f.Sequence, f.Epoch, f.Generation)
		case !f.EffectiveAt.Equal(a.effective(f, before)):
			a.wrong("fact %d of epoch %d takes effect at %s, not at %s", f.Sequence, f.Epoch, stamp(f.EffectiveAt), stamp(a.effective(f, before)))
		case f.Transition != (f.State != before.State || f.Generation != before.Generation):
			a.wrong("fact %d of epoch %d is marked wrongly as a transition or none", f.Sequence, f.Epoch)
		}
		held = held || f.State == string(driver.StateRunning)
		before = f
	}
	a.checkShown(before, held)
}

// effective is when a fact takes effect: when the agent said, but not before the
// fact before it, nor before the command that it is the first to report, nor
// after it was received.
func (a *audited) effective(f, before billingdb.RawFactsRow) time.Time {
	earliest := before.EffectiveAt
	if f.Generation > before.Generation {
		if accepted := a.commands[f.Generation-1].AcceptedAt; accepted.After(earliest) {
			earliest = accepted
		}
	}
	t := f.ReportedAt
	if t.After(f.ReceivedAt) {
		t = f.ReceivedAt
	}
	if t.Before(earliest) {
		t = earliest
	}
	return t
}

// checkShown: the instance shows what its last fact says, and the phase that
// follows.
func (a *audited) checkShown(last billingdb.RawFactsRow, held bool) {
	i := a.instance
	if i.ObservedState != last.State || i.ObservedGeneration != last.Generation || i.HeldData != held {
		a.wrong("it shows state %q of command %d (held data: %v), its facts say %q of %d (%v)", i.ObservedState, i.ObservedGeneration, i.HeldData, last.State, last.Generation, held)
	}
	if (i.LastFactAt != nil) != (len(a.facts) > 0) || (i.LastFactAt != nil && !i.LastFactAt.Equal(last.EffectiveAt)) {
		a.wrong("it does not show when its last fact took effect")
	}
	phase := lifecycle.Phase(
		lifecycle.Wanted{Intent: agentapi.Intent(i.Intent), Generation: i.Generation, ActiveGeneration: i.ActiveGeneration, Maintaining: i.Maintaining},
		lifecycle.Observed{State: driver.State(last.State), Generation: last.Generation, HeldData: held})
	if _, over := a.end(); over {
		phase = "Purged"
	}
	if i.Phase != string(phase) {
		a.wrong("it shows phase %s, but is %s", i.Phase, phase)
	}
}
