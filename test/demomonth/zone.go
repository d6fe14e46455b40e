package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agent/identity"
	"souk/internal/agent/link"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/compare"
	"souk/internal/driver"
	"souk/internal/driver/fake"
)

// zone is the agent of a zone that is marked simulated. It enrols, greets, follows what
// is wanted and reports facts as every agent does, with a certificate of its own and by
// the same endpoints; what it says to run does not.
type zone struct {
	client *link.Client
	id     *identity.Identity
	boot   string
	engine *fake.Driver // remembers what is wanted
	end    context.CancelFunc
	ended  sync.WaitGroup

	mu       sync.Mutex
	offset   time.Duration // of Souk's clock
	sequence uint64        // of the newest fact
	outbox   []agentapi.Fact
	away     bool // facts are made, and reach nobody
	lives    map[string]*life
	failed   error
}

// life is one instance, as the zone knows it.
type life struct {
	name    string
	service string
	want    agentapi.Desired
	book    book
	running bool
	probed  time.Time // until then it has been said whether it was available
	looked  time.Time // until then all backups that were due have been taken
	outages []window
	backups []driver.Backup
}

// window is a stretch of time, [from, to).
type window struct{ from, to time.Time }

// engines are what the zone says to have.
var engines = []driver.EngineVersion{
	{Service: "nats", Version: "2.9.10"},
	{Service: "postgresql", Version: "15.14", Backups: true},
	{Service: "redis", Version: "7.0.15", Backups: true},
}

// joinZone enrols the zone's agent, and has it work until leave.
func joinZone(ctx context.Context, e api.ZoneEnrolment, dir string) (*zone, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(e.CA)) {
		return nil, errors.New("the control plane named no authority")
	}
	c, err := link.New(link.Options{Server: e.Server, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Request: patience, Silence: time.Minute, Ping: 15 * time.Second, Drain: time.Minute, MaxAsks: 8}, roots)
	if err != nil {
		return nil, err
	}
	identities, err := identity.In(dir)
	if err != nil {
		return nil, err
	}
	z := &zone{client: c, boot: uuid.NewString(), engine: fake.New(fake.Config{Engines: engines, FailureDomains: []string{"nowhere"}}), lives: map[string]*life{}}
	if z.id, err = identities.Enrol(ctx, c, e.Token, "demo"); err != nil {
		return nil, err
	}
	pair, roots, err := z.id.TLS()
	if err != nil {
		return nil, err
	}
	c.Use(pair, roots)
	info, err := z.engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := c.Hello(ctx, agentapi.Hello{Version: "demo", Protocol: agentapi.ProtocolVersion, BootID: z.boot, Info: info})
	if err != nil {
		return nil, err
	}
	z.offset = answer.Clock.Offset
	ctx, z.end = context.WithCancel(context.WithoutCancel(ctx))
	z.ended.Go(func() { z.follow(ctx) })
	z.ended.Go(func() { z.serve(ctx) })
	return z, nil
}

// leave ends the agent.
func (z *zone) leave() {
	z.end()
	z.ended.Wait()
	z.client.Close()
}

// follow carries out what is wanted as it comes. After a stream has broken all is listed
// again.
func (z *zone) follow(ctx context.Context) {
	for ctx.Err() == nil {
		z.note(ctx, z.client.Follow(ctx, "", func(events []agentapi.DesiredEvent) error {
			for _, e := range events {
				if err := z.take(ctx, e); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// serve answers what is asked of the zone: its logs, and that backups be destroyed.
func (z *zone) serve(ctx context.Context) {
	for ctx.Err() == nil {
		z.note(ctx, z.client.Serve(ctx, keeper{z.engine, z}, func() {}))
	}
}

// note remembers the last thing that went wrong, and has the next attempt wait.
func (z *zone) note(ctx context.Context, err error) {
	if ctx.Err() != nil || errors.Is(err, link.ErrSwitched) {
		return
	}
	z.mu.Lock()
	z.failed = err
	z.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

func (z *zone) take(ctx context.Context, e agentapi.DesiredEvent) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	if e.Clock != nil {
		z.offset = max(z.offset, e.Clock.Offset)
	}
	if e.Instance == nil {
		return nil
	}
	return z.carryOut(ctx, *e.Instance)
}

// raise has the zone know how far ahead Souk's clock is, before it is told.
func (z *zone) raise(offset time.Duration) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.offset = max(z.offset, offset)
}

// now is Souk's time as the zone knows it. Called with mu held.
func (z *zone) now() time.Time { return time.Now().Add(z.offset).UTC().Truncate(time.Microsecond) }

// carryOut does what is wanted of one instance, and tells of it. Called with mu held.
func (z *zone) carryOut(ctx context.Context, want agentapi.Desired) error {
	l := z.lives[want.ID]
	if l == nil {
		l = &life{name: path.Base(want.Name), service: want.Service}
		z.lives[want.ID] = l
	}
	known := l.want.Generation == want.Generation && l.want.Intent == want.Intent
	l.want = want
	if known || want.Generation < l.book.generation() {
		return nil
	}
	l.book.accepted(want)
	at := z.now()
	z.report(l, at)
	seen := driver.Observation{State: driver.StateGone}
	var err error
	switch want.Intent {
	case agentapi.IntentActive:
		seen, err = z.engine.Ensure(ctx, want.Instance)
	case agentapi.IntentSuspended, agentapi.IntentDeleted:
		seen, err = z.engine.Stop(ctx, want.Instance)
	case agentapi.IntentPurged:
		err = z.engine.Remove(ctx, want.ID)
	}
	if err != nil {
		return fmt.Errorf("instance %s: %w", want.Name, err)
	}
	l.book.observed(at, seen.State, want.Generation, z.away)
	if runs := seen.State == driver.StateRunning; runs != l.running {
		l.running, l.probed, l.looked = runs, at, at
	}
	z.tell(l, at, agentapi.Fact{Observation: seen})
	return z.send(ctx)
}

// tell puts a fact into the outbox. Called with mu held.
func (z *zone) tell(l *life, at time.Time, f agentapi.Fact) {
	z.sequence++
	f.Sequence, f.BootID, f.InstanceID, f.EffectiveAt, f.RealAt = z.sequence, z.boot, l.want.ID, at, time.Now()
	z.outbox = append(z.outbox, f)
}

// send empties the outbox, unless the zone is away. Called with mu held.
func (z *zone) send(ctx context.Context) error {
	for len(z.outbox) > 0 && !z.away {
		batch := z.outbox[:min(len(z.outbox), agentapi.MaxFacts)]
		receipt, err := z.client.Facts(ctx, agentapi.FactBatch{Epoch: z.id.Epoch, Facts: batch})
		if err != nil {
			return err
		}
		if receipt.Acknowledged != batch[len(batch)-1].Sequence {
			return fmt.Errorf("of facts up to %d, those up to %d were acknowledged", batch[len(batch)-1].Sequence, receipt.Acknowledged)
		}
		z.outbox = z.outbox[len(batch):]
	}
	return nil
}

// cutOff has all that the zone tells from now on reach nobody.
func (z *zone) cutOff() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.away = true
}

// unheard fails where nothing came to pass of an instance while the zone was cut off.
func (z *zone) unheard(name string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	l, err := z.named(name)
	if err == nil && !slices.ContainsFunc(l.book.facts, func(f fact) bool { return f.late }) {
		err = errors.New("nothing came to pass")
	}
	return err
}

// reconnect sends what has gathered meanwhile.
func (z *zone) reconnect(ctx context.Context) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.away = false
	return z.send(ctx)
}

// fail has an instance be down in a time that is still to come.
func (z *zone) fail(name string, from, to time.Time) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	l, err := z.named(name)
	if err == nil {
		l.outages = append(l.outages, window{from.UTC(), to.UTC()})
	}
	return err
}

// named is the instance of that name. Called with mu held.
func (z *zone) named(name string) (*life, error) {
	for _, l := range z.lives {
		if l.name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("the zone knows no instance %s (the last that went wrong: %w)", name, z.failed)
}

// has returns nil once what is wanted of an instance by a generation is so.
func (z *zone) has(name string, generation int64) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	l, err := z.named(name)
	if err == nil && l.book.inForce() < generation {
		err = fmt.Errorf("it has generation %d", l.book.inForce())
	}
	return err
}

// catchUp has the zone tell all that has come to pass by now, of all instances.
func (z *zone) catchUp(ctx context.Context) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	at := z.now()
	for _, l := range z.lives {
		z.report(l, at)
	}
	return z.send(ctx)
}

// report tells for how long an instance was available, and of the backups that were due.
// Called with mu held.
func (z *zone) report(l *life, at time.Time) {
	if !l.running {
		return
	}
	for _, s := range l.spans(at) {
		z.tell(l, at, agentapi.Fact{SLI: &s})
	}
	l.probed = at
	if z.backUp(l, at) {
		z.tell(l, at, agentapi.Fact{Backups: &agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: l.backups}}})
	}
	l.looked = at
}

// spans are the states since the last report, up but for the outages.
func (l *life) spans(until time.Time) (out []agentapi.SLISpan) {
	from := l.probed
	add := func(to time.Time, state agentapi.SLIState) {
		if to.After(from) {
			out = append(out, agentapi.SLISpan{From: from, To: to, State: state})
			from = to
		}
	}
	for _, o := range l.outages {
		if o.from.Before(until) && o.to.After(from) {
			add(o.from, agentapi.SLIUp)
			add(compare.Earlier(o.to, until), agentapi.SLIDown)
		}
	}
	add(until, agentapi.SLIUp)
	return out
}

const (
	backupTakes = 90 * time.Second
	firstBackup = 150_000_000 // bytes
	backupsGrow = 7_340_033   // bytes, from one to the next
)

// backUp takes the backups that were due since it was looked last, and says whether
// there were any.
func (z *zone) backUp(l *life, until time.Time) (any bool) {
	if l.want.Backups == nil || l.want.Intent != agentapi.IntentActive {
		return false
	}
	plan := l.want.Backups.Plan
	for due := plan.Next(l.want.ID, l.looked); !due.IsZero() && !due.Add(backupTakes).After(until); due = plan.Next(l.want.ID, due) {
		size, real := int64(firstBackup+len(l.backups)*backupsGrow), time.Now().Add(-time.Hour)
		l.backups = append(l.backups, driver.Backup{ID: backup.ID(l.want.ID, due), Kind: "scheduled", At: due, StartedAt: real, FinishedAt: real.Add(backupTakes), SizeBytes: 3 * size, StoredBytes: size})
		l.book.backedUp(due.Add(backupTakes), size, z.away)
		any = true
	}
	return any
}

// keeper is the zone as what is asked of it is answered by.
type keeper struct {
	*fake.Driver
	zone *zone
}

// TakeBackup implements driver.BackupKeeper; backups are taken by their plan only.
func (k keeper) TakeBackup(context.Context, driver.Instance, driver.BackupOrder) error {
	return errors.New("the simulated zone takes backups by their plan only")
}

// Backups implements driver.BackupKeeper.
func (k keeper) Backups(_ context.Context, of driver.BackupSource) (driver.BackupReport, error) {
	k.zone.mu.Lock()
	defer k.zone.mu.Unlock()
	l := k.zone.lives[of.InstanceID]
	if l == nil {
		return driver.BackupReport{}, nil
	}
	return driver.BackupReport{Backups: l.backups}, nil
}

// ExpireBackup implements driver.BackupKeeper.
func (k keeper) ExpireBackup(_ context.Context, of driver.BackupSource, id string, _ bool) error {
	k.zone.mu.Lock()
	defer k.zone.mu.Unlock()
	if l := k.zone.lives[of.InstanceID]; l != nil {
		kept := l.backups[:0:0]
		for _, b := range l.backups {
			if b.ID != id {
				kept = append(kept, b)
			}
		}
		l.backups = kept
	}
	return nil
}

// all are the instances that the zone has ever known.
func (z *zone) all() []*life {
	z.mu.Lock()
	defer z.mu.Unlock()
	var lives []*life
	for _, l := range z.lives {
		lives = append(lives, l)
	}
	return lives
}

// inTime are all of them with what was told in time of them.
func (z *zone) inTime() []*life {
	var lives []*life
	for _, l := range z.all() {
		lives = append(lives, &life{name: l.name, service: l.service, book: l.book.inTime()})
	}
	return lives
}
