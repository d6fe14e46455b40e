package instance

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/window"
)

// WindowOf is when an instance may be maintained.
func WindowOf(r instancedb.Instance) window.Window {
	w := window.Default("UTC")
	_ = json.Unmarshal(r.Maintenance, &w)
	return w
}

func windowSpec(w window.Window) *api.MaintenanceSpec {
	return &api.MaintenanceSpec{Day: w.Day, At: w.At, Minutes: w.Minutes, TimeZone: w.Zone}
}

func compareWindows(from, to window.Window, add func(string, any, any)) {
	add("spec.maintenance.day", from.Day, to.Day)
	add("spec.maintenance.at", from.At, to.At)
	add("spec.maintenance.minutes", from.Minutes, to.Minutes)
	add("spec.maintenance.timeZone", from.Zone, to.Zone)
}

// maintenanceWindow checks what is wanted and fills in its defaults.
func maintenanceWindow(ctx context.Context, tx store.Tx, organization uuid.UUID, spec *api.MaintenanceSpec) (window.Window, error) {
	terms, err := instancedb.New(tx).OrganizationTerms(ctx, organization)
	if err != nil {
		return window.Window{}, err
	}
	w := window.Default(terms.TimeZone)
	if spec != nil {
		w = window.Window{Day: cmp.Or(spec.Day, w.Day), At: cmp.Or(spec.At, w.At), Minutes: cmp.Or(spec.Minutes, w.Minutes), Zone: cmp.Or(spec.TimeZone, w.Zone)}
	}
	values := map[string]any{"day": w.Day, "at": w.At, "minutes": w.Minutes, "timeZone": w.Zone}
	var wrong []problem.Field
	for field, why := range w.Wrong() {
		wrong = append(wrong, problem.Field{Location: "body.spec.maintenance." + field, Value: values[field], Message: why})
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b problem.Field) int { return strings.Compare(a.Location, b.Location) })
		return w, problem.Invalid(wrong...)
	}
	return w, nil
}
