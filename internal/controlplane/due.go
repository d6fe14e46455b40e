package controlplane

import (
	"context"
	"time"

	"souk/internal/alert"
	"souk/internal/change"
	"souk/internal/idempotency"
	"souk/internal/mail"
	"souk/internal/sso"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// tick is how often what is due by the clock is looked for.
const tick = time.Second

// sweepEvery is how often records that are not needed any more are removed.
const sweepEvery = time.Minute

// reportEvery is how often it is looked whether a month is over for an organization.
const reportEvery = 10 * time.Second

// keepTime writes the clock down and carries out what is due, until ctx ends.
// Every replica does so; row locks keep them from doing anything twice.
func (cp *ControlPlane) keepTime(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var swept, reported time.Time
	for {
		cp.try(ctx, "keep the clock", cp.zones.KeepClock)
		cp.try(ctx, "purge what is due", cp.untilNone(cp.instances.PurgeDue))
		cp.try(ctx, "end log-ins that are due", cp.untilNone(cp.instances.EndCredentialsDue))
		cp.try(ctx, "find backups that have expired", cp.untilNone(cp.instances.MarkExpired))
		cp.try(ctx, "carry maintenance out", cp.upkeep.CarryOut)
		cp.try(ctx, "tell of maintenance", cp.untilNone(cp.upkeep.TellDue))
		cp.try(ctx, "suspend for budgets", cp.untilNone(cp.budgets.SuspendDue))
		cp.try(ctx, "resume what budgets have suspended", cp.untilNone(cp.budgets.ResumeDue))
		cp.try(ctx, "certify restore drills", cp.untilNone(cp.instances.CertifyDrill))
		cp.try(ctx, "end views that are due", cp.untilNone(func(ctx context.Context, s *store.Store) (bool, error) {
			return tenancy.EndViewsDue(ctx, s, cp.clock.Now())
		}))
		cp.try(ctx, "suspend for what is not paid", cp.untilNone(cp.payments.SuspendDue))
		cp.try(ctx, "resume what was suspended until it was paid", cp.untilNone(cp.payments.ResumeDue))
		if time.Since(reported) > reportEvery {
			reported = time.Now()
			cp.try(ctx, "make SLA reports", cp.untilNone(cp.reports.MakeDue))
		}
		if time.Since(swept) > sweepEvery {
			swept = time.Now()
			cp.try(ctx, "plan newer versions of engines", cp.upkeep.PlanVersions)
			cp.try(ctx, "sweep", cp.sweep)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// observeEvery is how often it is asked whether it is time to look at how services fare.
const observeEvery = time.Minute

// keepObserving looks at how what is in use fares, until ctx ends.
func (cp *ControlPlane) keepObserving(ctx context.Context) {
	ticker := time.NewTicker(observeEvery)
	defer ticker.Stop()
	for {
		cp.try(ctx, "look at how services fare", cp.observer.Observe)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// invoiceEvery is how often it is looked whether a month is to be closed.
const invoiceEvery = 2 * time.Second

// keepInvoicing closes months that are over, until ctx ends. Documents of many
// organizations take long, so that nothing else waits for them.
func (cp *ControlPlane) keepInvoicing(ctx context.Context) {
	ticker := time.NewTicker(invoiceEvery)
	defer ticker.Stop()
	for {
		cp.try(ctx, "close months", cp.untilNone(cp.months.CloseDue))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

const (
	// settleEvery is how often customers' credit is taken for what they have open.
	settleEvery = 10 * time.Second
	// dunEvery is how often it is looked who is to be reminded.
	dunEvery = time.Minute
)

// keepAccounts looks at what customers have spent and owe, until ctx ends. With many of
// them that takes long, so that nothing else waits for it.
func (cp *ControlPlane) keepAccounts(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var settled, dunned time.Time
	for {
		cp.try(ctx, "look at budgets", cp.untilNone(cp.budgets.LookDue))
		cp.try(ctx, "tell that alerts of budgets are over", cp.untilNone(cp.budgets.EndAlertDue))
		cp.try(ctx, "tell of changes of prices", cp.untilNone(cp.prices.TellDue))
		if time.Since(settled) > settleEvery {
			settled = time.Now()
			cp.try(ctx, "take customers' credit for what they have open", cp.untilNone(cp.payments.SettleDue))
		}
		if time.Since(dunned) > dunEvery {
			dunned = time.Now()
			cp.try(ctx, "remind of what is overdue", func(ctx context.Context) error { return cp.payments.Dun(ctx, cp.store) })
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// reconcileEvery is how often it is asked whether an hour has begun for which the books
// were not held against each other yet.
const reconcileEvery = 10 * time.Second

// keepReconciling holds the books against each other every hour, until ctx ends. With
// many instances that takes long, so that nothing else waits for it.
func (cp *ControlPlane) keepReconciling(ctx context.Context) {
	ticker := time.NewTicker(reconcileEvery)
	defer ticker.Stop()
	for {
		cp.try(ctx, "hold the books against each other", cp.untilNone(cp.books.MakeDue))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// removeEvery is how often zones are asked to remove backups that have expired.
const removeEvery = 5 * time.Second

// keepBackups has backups that have expired removed, until ctx ends. A zone may
// take long over it, so that nothing else waits for it.
func (cp *ControlPlane) keepBackups(ctx context.Context) {
	ticker := time.NewTicker(removeEvery)
	defer ticker.Stop()
	for {
		cp.try(ctx, "remove backups that have expired", cp.zones.RemoveExpired)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (cp *ControlPlane) try(ctx context.Context, what string, f func(context.Context) error) {
	if err := f(ctx); err != nil && ctx.Err() == nil {
		cp.log.Warn("could not "+what+"; it is tried again", "error", err)
	}
}

// untilNone repeats one piece of due work, each in a small transaction of its own.
func (cp *ControlPlane) untilNone(one func(context.Context, *store.Store) (bool, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			if more, err := one(ctx, cp.store); err != nil || !more {
				return err
			}
		}
	}
}

// sweepChunk keeps sweeping transactions short.
const sweepChunk = 1000

func (cp *ControlPlane) sweep(ctx context.Context) error {
	now := cp.clock.Now()
	for _, f := range []func() (int64, error){
		func() (int64, error) { return change.Compact(ctx, cp.store, now.Add(-change.Kept)) },
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return idempotency.Sweep(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepLoginFailures(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepGuesses(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepHalfLogins(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepDevices(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return sso.Sweep(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepKnownAddresses(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepLinks(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return tenancy.SweepInvitations(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return alert.Sweep(ctx, tx, now, sweepChunk) }),
		cp.inChunks(ctx, func(tx store.Tx) (int64, error) { return mail.Sweep(ctx, tx, now, sweepChunk) }),
	} {
		for {
			n, err := f()
			if err != nil {
				return err
			}
			if n < sweepChunk {
				break
			}
		}
	}
	return nil
}

func (cp *ControlPlane) inChunks(ctx context.Context, f func(tx store.Tx) (int64, error)) func() (int64, error) {
	return func() (n int64, err error) {
		err = cp.store.System(ctx, func(tx store.Tx) error {
			n, err = f(tx)
			return err
		})
		return n, err
	}
}
