package alert

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/metrics"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

const (
	// readWithin is how long asking for all figures may take.
	readWithin = 25 * time.Second
	// forgetAfter is how long a condition that does not fire yet is remembered while
	// nothing is known of it.
	forgetAfter = 5 * time.Minute
)

// EvaluateDue evaluates all alerts if that is due and no other replica does. What
// fires and what is over is written down together with the messages that tell of it.
func (s *Service) EvaluateDue(ctx context.Context) error {
	now := s.Clock.Now()
	turn, err := alertdb.New(s.Store.SystemPool()).TakeTurn(ctx, alertdb.TakeTurnParams{Now: now, Until: now.Add(every)})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	figures := s.figures(ctx)
	return s.Store.System(ctx, func(tx store.Tx) error {
		q := alertdb.New(tx)
		if holds, err := q.HoldTurn(ctx); err != nil || holds != turn {
			return err // another has begun since, and knows better
		}
		if err := s.evaluate(ctx, tx, figures, now); err != nil {
			return err
		}
		return s.burning(ctx, tx, now)
	})
}

// figures are the values of instances by service and rule. What could not be asked
// for is not there.
type figures map[[2]string]map[uuid.UUID]float64

func (s *Service) figures(ctx context.Context) figures {
	all := figures{}
	if s.Metrics == nil {
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	asked := map[[2]string]map[uuid.UUID]float64{} // two rules may have one expression
	for service, p := range s.Packages {
		for _, rule := range p.AllAlerts() {
			if rule.Expr == "" {
				continue
			}
			values, known := asked[[2]string{service, rule.Expr}]
			if !known {
				var err error
				values, err = metrics.OfService(ctx, s.Metrics, service, rule.Expr, s.Real())
				if away := new(metrics.QueryError); errors.As(err, &away) && away.Kind == metrics.Unavailable {
					s.Logger.Warn("alerts about figures cannot be evaluated now, and stay as they are", "error", err)
					return all
				}
				if err != nil {
					s.Logger.Warn("an alert cannot be evaluated now", "service", service, "alert", rule.Name, "error", err)
				}
				asked[[2]string{service, rule.Expr}] = values
			}
			all[[2]string{service, rule.Name}] = values
		}
	}
	return all
}

// reading is what is known of a rule's condition.
type reading struct {
	known, holds bool
	summary      string
}

func (f figures) read(rule servicepkg.Alert, i alertdb.WatchedRow) reading {
	if rule.Phase != "" {
		return reading{true, i.Phase == rule.Phase, rule.Summary}
	}
	switch rule.Backups {
	case servicepkg.DrillFailed:
		return reading{true, i.DrillFailed, rule.Summary}
	case servicepkg.BackupLate:
		return reading{true, i.BackupLate, rule.Summary}
	}
	value, known := f[[2]string{i.Service, rule.Name}][i.ID]
	return reading{known, known && rule.Holds(value), rule.Say(value)}
}

// step is what becomes of an alert.
type step int

const (
	stay step = iota
	begin
	fire
	forget
	resolve
	loseData
	regainData
)

// next decides what becomes of an alert; open is nil where there is none. What is
// not known resolves nothing.
func next(rule servicepkg.Alert, open *alertdb.OpenAlertsRow, r reading, now time.Time) step {
	switch {
	case open == nil && r.holds && rule.Wait() == 0:
		return fire
	case open == nil && r.holds:
		return begin
	case open == nil:
		return stay
	case !r.known && open.NoDataSince == nil:
		return loseData
	case !r.known && open.State == pending && now.Sub(*open.NoDataSince) >= forgetAfter:
		return forget
	case !r.known:
		return stay
	case open.State == pending && !r.holds:
		return forget
	case open.State == pending && now.Sub(open.PendingSince) >= rule.Wait():
		return fire
	case open.State == firing && !r.holds:
		return resolve
	case open.NoDataSince != nil:
		return regainData
	}
	return stay
}

// The states of an alert.
const (
	pending = "pending"
	firing  = "firing"
)

// Why an alert is over.
const (
	over  = "over"
	ended = "ended" // the instance was suspended or deleted
)

// key names an alert of an instance.
type key struct {
	instance uuid.UUID
	name     string
}

func (s *Service) evaluate(ctx context.Context, tx store.Tx, f figures, now time.Time) error {
	q := alertdb.New(tx)
	instances, err := q.Watched(ctx, now)
	if err != nil {
		return err
	}
	rows, err := q.OpenAlerts(ctx)
	if err != nil {
		return err
	}
	open := map[key]*alertdb.OpenAlertsRow{}
	for i, row := range rows {
		open[key{row.InstanceID, row.Name}] = &rows[i]
	}
	e := evaluation{service: s, q: q, now: now, told: map[uuid.UUID][]Notice{}}
	for _, i := range instances {
		agreed := i.Phase == string(api.PhaseMaintaining) // whatever is the matter stays as it is, and nothing is told of it
		for _, rule := range s.Packages[i.Service].AllAlerts() {
			k := key{i.ID, rule.Name}
			if agreed {
				delete(open, k)
				continue
			}
			if err := e.carryOut(ctx, i, rule, open[k], f.read(rule, i)); err != nil {
				return err
			}
			delete(open, k)
		}
	}
	for _, row := range rows { // of instances that are not watched any more, in an order
		if open[key{row.InstanceID, row.Name}] == nil {
			continue
		}
		if err := e.end(ctx, row, ended); err != nil {
			return err
		}
	}
	return s.tell(ctx, q, e.told, now)
}

// evaluation writes down what becomes of alerts.
type evaluation struct {
	service *Service
	q       *alertdb.Queries
	now     time.Time
	told    map[uuid.UUID][]Notice // by organization
}

func (e *evaluation) carryOut(ctx context.Context, i alertdb.WatchedRow, rule servicepkg.Alert, open *alertdb.OpenAlertsRow, r reading) error {
	switch next(rule, open, r, e.now) {
	case begin:
		return e.insert(ctx, i, rule, r, pending, store.NewID())
	case fire:
		id := store.NewID()
		if open != nil {
			id = open.ID
		}
		e.told[i.OrganizationID] = append(e.told[i.OrganizationID], e.service.notice(id, rule, i, r.summary, e.now))
		if open == nil {
			return e.insert(ctx, i, rule, r, firing, id)
		}
		return e.q.Fire(ctx, alertdb.FireParams{ID: id, Summary: r.summary, At: e.now})
	case forget:
		return e.q.Forget(ctx, open.ID)
	case resolve:
		return e.end(ctx, *open, over)
	case loseData:
		return e.q.NoData(ctx, alertdb.NoDataParams{ID: open.ID, Since: &e.now})
	case regainData:
		return e.q.NoData(ctx, alertdb.NoDataParams{ID: open.ID})
	}
	return nil
}

func (e *evaluation) insert(ctx context.Context, i alertdb.WatchedRow, rule servicepkg.Alert, r reading, state string, id uuid.UUID) error {
	p := alertdb.InsertAlertParams{ID: id, OrganizationID: i.OrganizationID, ProjectID: i.ProjectID, InstanceID: i.ID, Name: rule.Name, Title: rule.Title,
		Severity: rule.Severity, Summary: r.summary, Runbook: rule.Runbook, State: state, PendingSince: e.now}
	if state == firing {
		p.FiringSince = &e.now
	}
	return e.q.InsertAlert(ctx, p)
}

// end ends an alert that fires, and forgets one that does not yet.
func (e *evaluation) end(ctx context.Context, open alertdb.OpenAlertsRow, why string) error {
	if open.State == pending {
		return e.q.Forget(ctx, open.ID)
	}
	e.told[open.OrganizationID] = append(e.told[open.OrganizationID], e.service.resolved(open, why, e.now))
	return e.q.Resolve(ctx, alertdb.ResolveParams{ID: open.ID, Resolution: why, At: e.now})
}
