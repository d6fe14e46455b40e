package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/credit"
	"souk/internal/invoice"
	"souk/internal/money"
	"souk/internal/reconcile/reconciledb"
	"souk/internal/sla"
	"souk/internal/store"
)

// creditsAgain works out an invoice's service credits again, from SLA reports as they
// were recorded, and the reports from what zones measured, and compares.
func creditsAgain(ctx context.Context, tx store.Tx, r reconciledb.ClosedRow, month billing.Month, v *Verified) error {
	var was invoice.Document
	if r.Document != nil {
		if err := json.Unmarshal(r.Document, &was); err != nil {
			return err
		}
	}
	reports := &sla.Service{Clock: then(v.Watermark.Add(time.Minute)), Catalog: catalog.New()}
	c := invoice.Closing{Organization: r.OrganizationID, Month: month, Watermark: v.Watermark, Currency: was.Currency}
	is, err := (&credit.Service{SLA: reports}).Lines(ctx, tx, c)
	if err != nil {
		return err
	}
	v.Credits = len(is)
	if was, is := canonicalCredits(was.Lines), canonicalCredits(is); !bytes.Equal(was, is) {
		v.Identical, v.Difference = false, "service credits: "+firstDifference(was, is)
		return nil
	}
	measured := map[uuid.UUID]api.SLAReport{}
	for _, l := range is {
		if _, done := measured[l.Evidence.Report]; !done {
			if measured[l.Evidence.Report], err = measuredAgain(ctx, tx, reports, r.OrganizationID, l.Evidence); err != nil {
				return err
			}
		}
		if v.Difference = otherwise(measured[l.Evidence.Report], l); v.Difference != "" {
			v.Identical = false
			return nil
		}
	}
	return nil
}

// then is a clock that stands: of a month that was closed nothing is later than that, and
// the clock of this process may be behind the record's.
type then time.Time

func (t then) Now() time.Time { return time.Time(t) }

// canonicalCredits is what counts of service credits, without words and tax.
func canonicalCredits(lines []invoice.Line) []byte {
	type counts struct {
		Source   *invoice.Source   `json:"source"`
		Period   invoice.Period    `json:"period"`
		Net      money.Amount      `json:"net"`
		Evidence *invoice.Evidence `json:"evidence"`
	}
	list := []counts{}
	for _, l := range lines {
		if l.Item == invoice.ItemServiceCredit {
			list = append(list, counts{l.Source, l.Period, l.Net, l.Evidence})
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return raw
}

// measuredAgain is the report of a credit, from what was measured.
func measuredAgain(ctx context.Context, tx store.Tx, reports *sla.Service, organization uuid.UUID, e *invoice.Evidence) (api.SLAReport, error) {
	at, err := e.At()
	if err != nil {
		return api.SLAReport{}, err
	}
	return reports.Measure(ctx, tx, organization, e.Month, at)
}

// otherwise says how what was measured of a credited instance differs from its credit; "":
// it does not.
func otherwise(report api.SLAReport, l invoice.Line) string {
	of := func(i api.SLAReportInstance) bool { return i.ID == l.Source.Instance.String() }
	if n := slices.IndexFunc(report.Instances, of); n < 0 || report.Instances[n].Availability != l.Evidence.Availability {
		return fmt.Sprintf("service credits: measured again, instance %s was not available %s %% in %s", l.Source.Instance, l.Evidence.Availability, l.Evidence.Month)
	}
	return ""
}
