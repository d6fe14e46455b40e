package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"souk/internal/billing"
	"souk/internal/reconcile/reconciledb"
	"souk/internal/store"
)

// Verified is what rating an organization's closed month again came to.
type Verified struct {
	Organization string    `json:"organization"`
	Invoice      string    `json:"invoice,omitempty"` // its number; none where nothing was to be paid, or none was issued yet
	Watermark    time.Time `json:"watermark"`
	Rules        string    `json:"rules"`
	Lines        int       `json:"lines"`
	Bytes        int       `json:"bytes"`   // of the charges in canonical form, as rated again
	Credits      int       `json:"credits"` // service credits, worked out again from their evidence
	Identical    bool      `json:"identical"`
	// Difference says where the first difference is, with what is there in each.
	Difference string `json:"difference,omitempty"`
}

// Verify rates all that was closed of a month ("2026-12") again, from segments, usage,
// prices and agreements as they were known at each watermark, and compares the bytes
// with those that were invoiced. A month that was frozen and not rated yet is left out.
func Verify(ctx context.Context, st *store.Store, period string) (out []Verified, err error) {
	err = st.Tenant(ctx, store.Scope{Reader: "operator", Snapshot: true}, func(tx store.Tx) error {
		out = nil
		runs, err := reconciledb.New(tx).Closed(ctx, period)
		for _, r := range runs {
			if len(r.Rated) == 0 {
				continue
			}
			v, err := again(ctx, tx, r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.Organization, err)
			}
			out = append(out, v)
		}
		return err
	})
	return out, err
}

// again rates one organization's month.
func again(ctx context.Context, tx store.Tx, r reconciledb.ClosedRow) (Verified, error) {
	v := Verified{Organization: r.Organization, Invoice: r.Number, Watermark: r.Watermark.UTC(), Rules: r.Rules}
	if r.Rules != billing.RulesVersion {
		v.Difference = fmt.Sprintf("it was rated by version %s of the rules, and this program has version %s: use the one that has it", r.Rules, billing.RulesVersion)
		return v, nil
	}
	month, err := billing.MonthBetween(r.FromAt, r.ToAt, r.TimeZone)
	if err != nil {
		return v, err
	}
	charges, err := billing.Charges(ctx, tx, billing.Filter{Organization: r.OrganizationID}, month, month.To, v.Watermark)
	if err != nil {
		return v, err
	}
	rated := billing.Canonical(charges)
	v.Lines, v.Bytes, v.Identical = len(charges), len(rated), bytes.Equal(rated, r.Rated)
	if !v.Identical {
		v.Difference = firstDifference(r.Rated, rated)
		return v, nil
	}
	return v, creditsAgain(ctx, tx, r, month, &v)
}

// around is how much of each side is shown before and after the first difference.
const around = 120

// firstDifference shows where two texts are not the same any more.
func firstDifference(was, is []byte) string {
	n := 0
	for n < len(was) && n < len(is) && was[n] == is[n] {
		n++
	}
	return fmt.Sprintf("from byte %d on: invoiced …%s…, rated again …%s…", n, part(was, n), part(is, n))
}

func part(text []byte, at int) []byte { return text[max(0, at-around):min(len(text), at+around)] }
