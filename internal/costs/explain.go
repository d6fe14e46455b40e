package costs

import (
	"bytes"
	"cmp"
	"context"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/costs/costsdb"
	"souk/internal/money"
	"souk/internal/store"
)

// Known is a month's charges as they were known, up to a moment.
type Known struct {
	Filter    billing.Filter
	Month     billing.Month
	Until     time.Time
	Watermark time.Time // zero: all that is known now
}

// Slice is which parts to show.
type Slice struct{ Skip, Limit int }

// line is the one of a key with its parts, or nil. Only the instance that it is of is
// read with all of its parts.
func (k Known) line(ctx context.Context, tx store.Tx, key string) (*billing.Line, error) {
	if k.Filter.Instance == nil {
		lines, err := billing.Charges(ctx, tx, k.Filter, k.Month, k.Until, k.Watermark)
		l := withKey(lines, key)
		if err != nil || l == nil {
			return nil, err
		}
		if k.Filter.Project == nil { // whatever projects an instance was in, it has all of its lines then
			k.Filter.Instance = &l.InstanceID
		}
	}
	lines, err := billing.Explained(ctx, tx, k.Filter, k.Month, k.Until, k.Watermark)
	return withKey(lines, key), err
}

func withKey(lines []billing.Line, key string) *billing.Line {
	if n := slices.IndexFunc(lines, func(l billing.Line) bool { return l.Key() == key }); n >= 0 {
		return &lines[n]
	}
	return nil
}

// Explain says what the line of a key is made of, and, of an adjustment, by which parts it
// differs from what was known before; nil: there is no such line.
func Explain(ctx context.Context, tx store.Tx, now Known, before *Known, key string, s Slice) (*api.Explanation, error) {
	is, err := now.line(ctx, tx, key)
	if err != nil {
		return nil, err
	}
	var was *billing.Line
	if before != nil {
		if was, err = before.line(ctx, tx, key); err != nil {
			return nil, err
		}
	}
	l := cmp.Or(is, was)
	if l == nil {
		return nil, nil
	}
	out := describe(l, now)
	r, err := costsdb.New(tx).Revisions(ctx, costsdb.RevisionsParams{PriceList: l.PriceList, Plan: l.PlanRevision})
	if err != nil {
		return nil, err
	}
	out.PlanRevision, out.PriceList, out.PriceRevision, out.PublishedAt = int(r.PlanRevision), r.PriceList, int(r.PriceRevision), r.PublishedAt.UTC()
	parts, amount := piecesOf(is, 1), money.Amount{}
	if is != nil {
		out.Now, amount = rated(is, now.Watermark), is.Amount
	}
	if was != nil {
		parts = differing(parts, piecesOf(was, -1))
		out.Before, amount = rated(was, before.Watermark), amount.Sub(was.Amount)
	}
	out.Amount = api.Money{Amount: amount.Fixed(money.Digits(l.Currency)), Currency: l.Currency}
	out.Count, out.Parts = len(parts), shares(parts, s)
	return out, behind(ctx, tx, now, l.InstanceID, out.Parts, parts[min(s.Skip, len(parts)):])
}

// describe says what a line is of.
func describe(l *billing.Line, k Known) *api.Explanation {
	e := &api.Explanation{Key: l.Key(), Month: k.Month.String(), TimeZone: k.Month.Location.String(), Rules: billing.RulesVersion, Watermark: k.Watermark.UTC(), Project: l.Project, Instance: l.Instance, Gone: l.Gone,
		Service: l.Service, Plan: l.Plan, ServiceLevel: l.ServiceLevel, Item: string(l.Item), Of: string(l.Of), Tier: l.Tier, Unit: string(l.Unit),
		Price: api.Money{Amount: l.PartPrice().String(), Currency: l.Currency}, Quantity: l.Quantity()}
	if l.InstanceID != uuid.Nil {
		e.InstanceID = l.InstanceID.String()
	}
	if k.Watermark.IsZero() {
		e.Watermark = time.Time{}
	}
	return e
}

const sharePlaces = 12

func rated(l *billing.Line, watermark time.Time) *api.Rated {
	r := &api.Rated{Unrounded: l.Unrounded().FloatString(sharePlaces), Amount: l.Amount.Fixed(money.Digits(l.Currency))}
	if !watermark.IsZero() {
		r.Watermark = watermark.UTC()
	}
	if l.Item == billing.ItemMinimum {
		r.Charged = l.Charged.Fixed(money.Digits(l.Currency))
	}
	return r
}

// piece is a part with what it adds to its line, or, with the sign, takes off.
type piece struct {
	billing.Part
	share *big.Rat
	sign  int64
}

func piecesOf(l *billing.Line, sign int64) []piece {
	if l == nil {
		return nil
	}
	out := make([]piece, len(l.Parts))
	for i, p := range l.Parts {
		share := l.Share(p)
		out[i] = piece{p, share.Mul(share, big.NewRat(sign, 1)), sign}
	}
	return out
}

// cancels says whether two pieces are of the same, one of them taken off.
func (p piece) cancels(o piece) bool {
	return p.sign == -o.sign && p.From.Equal(o.From) && p.To.Equal(o.To) && p.Use.State == o.Use.State && p.Quantity == o.Quantity && new(big.Rat).Add(p.share, o.share).Sign() == 0
}

// differing are the pieces of both that do not cancel each other, in the order of time.
func differing(is, was []piece) []piece {
	var out []piece
	left := slices.Clone(was)
	for _, p := range is {
		if n := slices.IndexFunc(left, p.cancels); n >= 0 {
			left = slices.Delete(left, n, n+1)
			continue
		}
		out = append(out, p)
	}
	out = append(out, left...)
	slices.SortStableFunc(out, func(a, b piece) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.sign, b.sign), a.To.Compare(b.To), bytes.Compare(a.Use.ID[:], b.Use.ID[:]))
	})
	return out
}

// shares are the parts that are asked for. Shares are cut where their sum is, so that what
// is shown adds up.
func shares(all []piece, s Slice) []api.Part {
	out, sum, shown := []api.Part{}, new(big.Rat), money.Amount{}
	for n, p := range all {
		sum.Add(sum, p.share)
		upTo := money.MustParse(sum.FloatString(sharePlaces))
		share := upTo.Sub(shown)
		shown = upTo
		if n < s.Skip || n >= s.Skip+s.Limit {
			continue
		}
		part := partOf(p.Part)
		part.Share, part.Before = share.Fixed(sharePlaces), p.sign < 0
		out = append(out, part)
	}
	return out
}

func partOf(p billing.Part) api.Part {
	u := p.Use
	out := api.Part{ID: u.ID.String(), Kind: "segment", From: p.From.UTC(), To: p.To.UTC(), Open: u.To.IsZero(), State: string(u.State), Plan: u.Plan, Quantity: p.Quantity, Used: p.Used.String(),
		Seconds: money.Prorate(money.MustParse("1"), p.To.Sub(p.From).Microseconds(), time.Second.Microseconds(), 6).String()}
	switch {
	case u.Meter != "":
		out.Kind, out.ID, out.Meter, out.Events = "usage", strconv.FormatInt(u.Window, 10), u.Meter, u.Events
	case u.State == "":
		out.Kind = "backups"
	}
	if u.From.Before(p.From) {
		out.Since = u.From.UTC()
	}
	return out
}

// behind adds to parts with what their links began.
func behind(ctx context.Context, tx store.Tx, k Known, instance uuid.UUID, parts []api.Part, of []piece) error {
	var moments []time.Time
	for _, p := range of[:len(parts)] {
		if p.Use.Meter == "" {
			moments = append(moments, p.Use.From)
		}
	}
	if len(moments) == 0 {
		return nil
	}
	began, err := causes(ctx, tx, k, instance, moments)
	for i := range parts {
		if u := of[i].Use; u.Meter == "" {
			for _, c := range began[u.From.UTC()] {
				if (c.Kind == "backup") == (parts[i].Kind == "backups") {
					parts[i].Causes = append(parts[i].Causes, c)
				}
			}
		}
	}
	return err
}

// causes are what was recorded of an instance to have happened at the moments.
func causes(ctx context.Context, tx store.Tx, k Known, instance uuid.UUID, moments []time.Time) (map[time.Time][]api.Cause, error) {
	q, watermark := costsdb.New(tx), billing.AsOf(k.Watermark)
	began := map[time.Time][]api.Cause{}
	add := func(c api.Cause) {
		c.At, c.Recorded = c.At.UTC(), c.Recorded.UTC()
		began[c.At] = append(began[c.At], c)
	}
	commands, err := q.CommandsAt(ctx, costsdb.CommandsAtParams{OrganizationID: k.Filter.Organization, InstanceID: instance, Moments: moments, Watermark: watermark})
	if err != nil {
		return nil, err
	}
	for _, c := range commands {
		add(api.Cause{Kind: "command", What: c.Kind, At: c.AcceptedAt, Recorded: c.AcceptedAt})
	}
	facts, err := q.FactsAt(ctx, costsdb.FactsAtParams{OrganizationID: k.Filter.Organization, InstanceID: instance, Moments: moments, Watermark: watermark})
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		add(api.Cause{Kind: "fact", What: f.State, At: f.EffectiveAt, Recorded: f.ReceivedAt})
	}
	steps, err := q.BackupStepsAt(ctx, costsdb.BackupStepsAtParams{OrganizationID: k.Filter.Organization, InstanceID: instance, Moments: moments, Watermark: watermark})
	for _, b := range steps {
		what := "gone"
		if b.Kept {
			what = "kept"
		}
		add(api.Cause{Kind: "backup", What: what, At: b.EffectiveAt, Recorded: b.RecordedAt, ID: b.BackupID.String(), Bytes: b.Bytes})
	}
	return began, err
}
