package metrics

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"
)

// OfService evaluates PromQL once over the series of all instances of a service, and
// returns the value of each. It is for expressions of ours, never of users': its
// result has to keep the label instance_id, and what has not is left out. Its errors
// are those of Store.Query.
func OfService(ctx context.Context, store Store, service, expr string, at time.Time) (map[uuid.UUID]float64, error) {
	result, err := store.Across(ctx, service, Query{Expr: expr, Start: at, End: at})
	if err != nil {
		return nil, err
	}
	var data struct {
		Result []struct {
			Metric map[string]string  `json:"metric"`
			Value  [2]json.RawMessage `json:"value"`
		} `json:"result"`
	}
	if err := json.Unmarshal(result.Data, &data); err != nil {
		return nil, &QueryError{Unavailable, "The metrics store's answer cannot be read."}
	}
	values := map[uuid.UUID]float64{}
	for _, sample := range data.Result {
		id, err := uuid.Parse(sample.Metric[LabelID])
		if err != nil {
			continue
		}
		if _, value, err := pointOf(sample.Value); err == nil && !math.IsNaN(value) && !math.IsInf(value, 0) {
			values[id] = value
		}
	}
	return values, nil
}
