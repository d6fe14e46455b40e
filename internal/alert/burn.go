package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/alert/alertdb"
	"souk/internal/catalog"
	"souk/internal/servicepkg"
	"souk/internal/sla"
	"souk/internal/store"
)

// The priorities of error budgets that burn, the highest first. What is urgent has
// somebody woken up; the rest respects quiet hours.
const (
	Urgent = "urgent" // fast, of an instance with guaranteed availability
	High   = "high"   // fast, of any other
	Normal = "normal" // slowly
)

const (
	// BurnName is the name of the operator's alert in messages.
	BurnName = "budget-burns"
	// tellMore is how long after a notice of a zone the next one comes, where further
	// instances have begun to burn their budgets.
	tellMore = 5 * time.Minute
	// mostNamed is how many instances a notice names.
	mostNamed = 10
)

// priority is that of a budget that burns, by the instance's service level.
func priority(pace sla.Pace, serviceLevel string) string {
	switch {
	case pace == sla.Slow:
		return Normal
	case serviceLevel == catalog.Guaranteed:
		return Urgent
	}
	return High
}

// severity is the lane of a priority's messages.
func severity(priority string) string {
	if priority == Urgent {
		return servicepkg.Critical
	}
	return servicepkg.Warning
}

// burning looks at what uses its error budget up too fast, writes down what changed,
// and tells the operator.
func (s *Service) burning(ctx context.Context, tx store.Tx, now time.Time) error {
	q := alertdb.New(tx)
	open, err := q.OpenBurns(ctx)
	if err != nil {
		return err
	}
	others := make([]uuid.UUID, len(open))
	for i, b := range open {
		others[i] = b.InstanceID
	}
	list, err := s.SLA.Burning(ctx, tx, others)
	if err != nil {
		return err
	}
	for _, is := range list {
		for _, pace := range []sla.Pace{sla.Fast, sla.Slow} {
			i := slices.IndexFunc(open, func(b alertdb.OpenBurnsRow) bool { return b.InstanceID == is.ID && b.Pace == string(pace) })
			if i < 0 {
				err = beginBurn(ctx, q, is, pace, now)
			} else {
				err = followBurn(ctx, q, open[i], is, pace, now)
			}
			if err != nil {
				return err
			}
		}
	}
	return s.tellOfBurns(ctx, q, now)
}

func beginBurn(ctx context.Context, q *alertdb.Queries, is sla.Burning, pace sla.Pace, now time.Time) error {
	rate, burns := is.Burns[pace]
	if !burns || !is.Serving {
		return nil
	}
	return q.InsertBurn(ctx, alertdb.InsertBurnParams{ID: store.NewID(), OrganizationID: is.OrganizationID, InstanceID: is.ID, ZoneID: is.ZoneID, Pace: string(pace),
		Priority: priority(pace, is.ServiceLevel), ServiceLevel: is.ServiceLevel, Objective: is.Objective,
		Rate: rate.Times, WindowSeconds: int64(rate.Window.Seconds()), DownSeconds: rate.Down.Seconds(), Since: now})
}

// followBurn writes down how fast a budget burns now, or that it does not any more. An
// instance that was down when it was measured last may still be: that ends nothing.
func followBurn(ctx context.Context, q *alertdb.Queries, open alertdb.OpenBurnsRow, is sla.Burning, pace sla.Pace, now time.Time) error {
	rate, burns := is.Burns[pace]
	switch {
	case !is.Serving:
		return q.EndBurn(ctx, alertdb.EndBurnParams{ID: open.ID, Resolution: ended, At: now})
	case !burns && is.Known:
		return q.EndBurn(ctx, alertdb.EndBurnParams{ID: open.ID, Resolution: over, At: now})
	}
	u := alertdb.UpdateBurnParams{ID: open.ID, Rate: rate.Times, WindowSeconds: int64(rate.Window.Seconds()), DownSeconds: rate.Down.Seconds()}
	if !burns {
		rate = is.Latest[pace]
		u.Rate, u.WindowSeconds, u.DownSeconds, u.NoDataSince = rate.Times, int64(rate.Window.Seconds()), rate.Down.Seconds(), &is.LastAt
	}
	return q.UpdateBurn(ctx, u)
}

// group is what one notice tells of: all that burns in a zone with a priority.
type group struct {
	zone     uuid.UUID
	priority string
}

// tellOfBurns tells the operator of what began and ended since it was told last: once
// for each zone and priority.
func (s *Service) tellOfBurns(ctx context.Context, q *alertdb.Queries, now time.Time) error {
	operators, err := q.OperatorOrganization(ctx)
	if err != nil || len(operators) == 0 {
		return err
	}
	open, err := q.OpenBurns(ctx)
	if err != nil {
		return err
	}
	notices, err := q.OpenBurnNotices(ctx)
	if err != nil || len(open)+len(notices) == 0 {
		return err
	}
	in, err := instancesIn(ctx, q)
	if err != nil {
		return err
	}
	t := teller{service: s, q: q, now: now, organization: operators[0].ID, name: operators[0].Name, in: in}
	var groups []group // in the order of their oldest
	of := map[group][]alertdb.OpenBurnsRow{}
	for _, b := range open {
		g := group{b.ZoneID, b.Priority}
		if of[g] == nil {
			groups = append(groups, g)
		}
		of[g] = append(of[g], b)
	}
	for _, n := range notices {
		g := group{n.ZoneID, n.Priority}
		if err := t.follow(ctx, n, of[g]); err != nil {
			return err
		}
		delete(of, g)
	}
	for _, g := range groups {
		if len(of[g]) > 0 {
			if err := t.begin(ctx, g, of[g]); err != nil {
				return err
			}
		}
	}
	return s.tell(ctx, q, map[uuid.UUID][]Notice{t.organization: t.told}, now)
}

func instancesIn(ctx context.Context, q *alertdb.Queries) (map[uuid.UUID]int64, error) {
	rows, err := q.InstancesOfZones(ctx)
	in := map[uuid.UUID]int64{}
	for _, r := range rows {
		in[r.ZoneID] = r.N
	}
	return in, err
}

// teller gathers what the operator is told.
type teller struct {
	service      *Service
	q            *alertdb.Queries
	now          time.Time
	organization uuid.UUID // of the operator
	name         string
	in           map[uuid.UUID]int64 // how many instances each zone runs
	told         []Notice
}

func (t *teller) begin(ctx context.Context, g group, burns []alertdb.OpenBurnsRow) error {
	n := alertdb.OpenBurnNoticesRow{ID: store.NewID(), OrganizationID: t.organization, ZoneID: g.zone, Priority: g.priority, Since: t.now, Zone: burns[0].Zone, Summary: t.summary(burns)}
	t.told = append(t.told, t.service.burnNotice(n, t.name, burns))
	return t.q.InsertBurnNotice(ctx, alertdb.InsertBurnNoticeParams{ID: n.ID, OrganizationID: t.organization, ZoneID: g.zone, Priority: g.priority, Summary: n.Summary, At: t.now})
}

// follow tells that all is over, or that there is more.
func (t *teller) follow(ctx context.Context, n alertdb.OpenBurnNoticesRow, burns []alertdb.OpenBurnsRow) error {
	if len(burns) == 0 {
		notice := t.service.burnNotice(n, t.name, nil)
		notice.Status, notice.ResolvedAt, notice.Resolution = tellsResolved, &t.now, over
		t.told = append(t.told, notice)
		return t.q.EndBurnNotice(ctx, alertdb.EndBurnNoticeParams{ID: n.ID, At: t.now})
	}
	more := slices.ContainsFunc(burns, func(b alertdb.OpenBurnsRow) bool { return b.Since.After(n.ToldAt) })
	if !more || t.now.Sub(n.ToldAt) < tellMore {
		return nil
	}
	n.Summary = t.summary(burns)
	t.told = append(t.told, t.service.burnNotice(n, t.name, burns))
	return t.q.ToldOfBurns(ctx, alertdb.ToldOfBurnsParams{ID: n.ID, Summary: n.Summary, At: t.now})
}

// summary names what burns in a zone, the oldest first.
func (t *teller) summary(burns []alertdb.OpenBurnsRow) string {
	var names []string
	for _, b := range burns[:min(len(burns), mostNamed)] {
		names = append(names, fmt.Sprintf("%s/%s/%s (%s, objective %s %%): down for %s of the last %s, %s times what its budget allows",
			b.Organization, b.Project, b.Instance, b.ServiceLevel, b.Objective, length(b.DownSeconds), length(float64(b.WindowSeconds)), Times(b.Rate)))
	}
	if n := len(burns) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return fmt.Sprintf("%d of %d instances in the zone %s: %s.", len(burns), max(t.in[burns[0].ZoneID], int64(len(burns))), burns[0].Zone, strings.Join(names, "; "))
}

// Times writes a rate as in "14.4".
func Times(rate float64) string { return fmt.Sprintf("%.1f", rate) }

// length writes seconds as in "1h30m".
func length(seconds float64) string {
	text := time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// burnNotice tells of a zone. Where one instance alone burns its budget the runbook has
// that one's values.
func (s *Service) burnNotice(n alertdb.OpenBurnNoticesRow, operator string, burns []alertdb.OpenBurnsRow) Notice {
	page := s.link("operator", "burning")
	notice := Notice{ID: n.ID.String(), Status: tellsFiring, Name: BurnName, Title: "Error budgets burn (" + n.Priority + ")", Severity: severity(n.Priority), Summary: n.Summary,
		Organization: operator, Zone: n.Zone, FiringSince: n.Since.UTC(), URL: page, RunbookURL: page}
	if len(burns) == 1 {
		notice.RunbookURL = s.link("operator", "burning", burns[0].ID.String())
	}
	return notice
}
