package alert

import (
	"context"
	_ "embed"
	"strings"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// MostBurns is how many are listed.
const MostBurns = 500

// Burns lists what burns its error budget, and then what did, as far as the
// transaction sees: the operator's.
func Burns(ctx context.Context, tx store.Tx) ([]api.Burn, error) {
	return burns(ctx, tx, nil)
}

// Burn returns one of them.
func Burn(ctx context.Context, tx store.Tx, id uuid.UUID) (api.Burn, error) {
	list, err := burns(ctx, tx, &id)
	if err != nil {
		return api.Burn{}, err
	}
	if len(list) == 0 {
		return api.Burn{}, problem.NotFound("burn", id.String())
	}
	return list[0], nil
}

func burns(ctx context.Context, tx store.Tx, id *uuid.UUID) ([]api.Burn, error) {
	rows, err := alertdb.New(tx).Burns(ctx, alertdb.BurnsParams{ID: id, Limit: MostBurns})
	list := make([]api.Burn, len(rows))
	for i, r := range rows {
		list[i] = api.Burn{ID: r.ID.String(), InstanceID: r.InstanceID.String(), Organization: r.Organization, Project: r.Project, Instance: r.Instance, Service: r.Service, Zone: r.Zone,
			ServiceLevel: r.ServiceLevel, Objective: r.Objective, Pace: r.Pace, Priority: r.Priority, Rate: r.Rate, WindowSeconds: r.WindowSeconds, DownSeconds: r.DownSeconds,
			Since: r.Since.UTC(), NoDataSince: utc(r.NoDataSince), EndedAt: utc(r.EndedAt), Resolution: r.Resolution}
	}
	return list, err
}

//go:embed runbooks/budget-burns.md
var burnRunbook string

// BurnRunbook says what the operator does about a budget that burns, with the
// instance's values in the commands. It is Markdown.
func BurnRunbook(b api.Burn, values servicepkg.RunbookValues) string {
	return values.In(strings.NewReplacer("{{ZONE}}", b.Zone, "{{SERVICE_LEVEL}}", b.ServiceLevel, "{{OBJECTIVE}}", b.Objective, "{{INSTANCE_ID}}", b.InstanceID).Replace(burnRunbook))
}
