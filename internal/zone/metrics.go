package zone

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/metrics"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

var errMetricsOff = &problem.Error{Status: http.StatusNotFound, Code: agentapi.CodeMetricsOff, Detail: "This control plane keeps no metrics: its configuration names no store for them."}

// serveMetrics takes in samples of the zone's instances.
func (z *Zones) serveMetrics(w http.ResponseWriter, r *http.Request, a agent) {
	if z.Metrics == nil {
		z.refuse(w, r, errMetricsOff)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(readWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, metrics.MaxBody))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		z.refuse(w, r, &problem.Error{Status: http.StatusBadRequest, Code: "malformed", Detail: "The request's body did not arrive whole, or is larger than what this path takes."})
		return
	}
	receipt, err := z.Metrics.Receive(r.Context(), a.zone, body)
	if receipt.SetAside > 0 {
		z.Logger.Warn("samples were set aside", "zone", a.zone, "samples", receipt.SetAside, "accepted", receipt.Accepted)
	}
	var slow *metrics.SlowError
	switch {
	case errors.As(err, &slow):
		w.Header().Set("Retry-After", strconv.Itoa(int(slow.Wait.Seconds())+1))
		err = &problem.Error{Status: http.StatusTooManyRequests, Code: "too-many-samples", Detail: slow.Error()}
	case errors.Is(err, metrics.ErrMalformed):
		err = &problem.Error{Status: http.StatusBadRequest, Code: "malformed", Detail: "The request's body is not what this path takes."}
	case errors.Is(err, metrics.ErrRefused):
		z.Logger.Error("samples are lost", "zone", a.zone, "error", err)
		err = &problem.Error{Status: http.StatusBadRequest, Code: "refused", Detail: "The metrics store refuses these samples."}
	case errors.Is(err, metrics.ErrAway):
		z.Logger.Warn("samples cannot be kept for now; their zone keeps them", "zone", a.zone, "error", err)
		err = &problem.Error{Status: http.StatusServiceUnavailable, Code: "metrics-away", Detail: "The metrics store cannot be reached. Send the same again later."}
	}
	z.answer(w, r, agentapi.MetricsReceipt(receipt), err)
}

// Owners is for a metrics.Receiver: whose the zone's instances are.
func (z *Zones) Owners(ctx context.Context, zone uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]metrics.Owner, error) {
	owners := map[uuid.UUID]metrics.Owner{}
	err := z.Store.System(ctx, func(tx store.Tx) error {
		rows, err := zonedb.New(tx).MetricOwners(ctx, zonedb.MetricOwnersParams{ZoneID: zone, Ids: ids})
		for _, row := range rows {
			owners[row.ID] = metrics.Owner{Organization: row.Organization, Project: row.Project, Instance: row.Name, Zone: row.Zone, Service: row.Service}
		}
		return err
	})
	return owners, err
}
