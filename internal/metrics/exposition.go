package metrics

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Exposition writes an instant query's answer in Prometheus' text format.
func Exposition(result Result) (string, error) {
	var data struct {
		Result []struct {
			Metric map[string]string  `json:"metric"`
			Value  [2]json.RawMessage `json:"value"`
		} `json:"result"`
	}
	if err := json.Unmarshal(result.Data, &data); err != nil {
		return "", &QueryError{Unavailable, "The metrics store's answer cannot be read."}
	}
	lines := make([]string, 0, len(data.Result))
	for _, sample := range data.Result {
		var number string
		if err := json.Unmarshal(sample.Value[1], &number); err != nil {
			return "", &QueryError{Unavailable, "The metrics store's answer cannot be read."}
		}
		lines = append(lines, exposed(sample.Metric)+" "+number+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// exposed is a series as the text format names it.
func exposed(metric map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(metric)) {
		if name != "__name__" {
			parts = append(parts, name+`="`+escaped.Replace(metric[name])+`"`)
		}
	}
	return metric["__name__"] + "{" + strings.Join(parts, ",") + "}"
}
