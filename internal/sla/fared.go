package sla

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/sla/sladb"
	"souk/internal/store"
)

// Fared sums up in which states instances were from one moment until another, as is
// known now. One of which nothing is known has not been measured, or was not to serve.
func Fared(ctx context.Context, tx store.Tx, instances []uuid.UUID, from, to time.Time) (map[uuid.UUID]Totals, error) {
	of, err := evidenceOf(ctx, sladb.New(tx), instances, from, to, to)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID]Totals{}
	for _, id := range instances {
		out[id] = Add(Timeline(from, to, of.measured[id], of.service[id], of.agreed[id]))
	}
	return out, nil
}
