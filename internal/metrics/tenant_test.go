package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql/parser"
	"pgregory.net/rapid"
)

const (
	mine   = "0190a000-0000-7000-8000-000000000001"
	theirs = "0190a000-0000-7000-8000-000000000002"
)

var noon = time.Now().Truncate(time.Minute).Add(-time.Hour)

// series is one of an instance, with a value each 15 s of the last minutes.
func series(id, name string, labels ...string) prompb.TimeSeries {
	s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: name}, {Name: LabelID, Value: id}, {Name: "secret", Value: "of-" + id}}}
	for i := 0; i+1 < len(labels); i += 2 {
		s.Labels = append(s.Labels, prompb.Label{Name: labels[i], Value: labels[i+1]})
	}
	for i := range 40 {
		s.Samples = append(s.Samples, prompb.Sample{Timestamp: noon.Add(time.Duration(i-39) * 15 * time.Second).UnixMilli(), Value: float64(i)})
	}
	return s
}

func local(t testing.TB) *Local {
	t.Helper()
	l, err := OpenLocal(LocalConfig{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// twoTenants is a store with the same series of two instances.
func twoTenants(t testing.TB) *Local {
	t.Helper()
	l := local(t)
	for _, id := range []string{mine, theirs} {
		if err := l.Append(t.Context(), []prompb.TimeSeries{series(id, "up"), series(id, "target_info", "version", "1"), series(id, "http_total", "code", "200"), series(id, "http_total", "code", "500")}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// The queries of somebody who wants another's series.
func TestHostileQueries(t *testing.T) {
	l := twoTenants(t)
	for _, expr := range []string{
		`up`, `{__name__=~".+"}`, `{instance_id="` + theirs + `"}`, `up{instance_id="` + theirs + `"}`, `up{instance_id!="` + mine + `"}`,
		`up{instance_id=~".*"}`, `up{instance_id=~".*", instance_id!~"x"}`, `{"instance_id"="` + theirs + `", "up"}`, `{secret=~".+"}`,
		`up or {__name__=~".+"}`, `up and on() {instance_id="` + theirs + `"}`, `count by (instance_id, secret) ({__name__=~".+"})`,
		`rate(http_total{instance_id=~".+"}[5m])`, `max_over_time(up{instance_id=~".+"}[10m:15s])`, `up @ start()`, `up @ end()`,
		fmt.Sprintf(`up{instance_id=~".+"} @ %d`, noon.Unix()), `up offset 1m`, `up offset -1m`, `topk(5, {__name__=~".+"})`,
		`label_replace(up, "instance_id", "` + theirs + `", "secret", ".*")`, `label_join(up, "instance_id", "", "secret")`,
		`absent({instance_id="` + theirs + `"})`, `group_left() * up`, `up * on() group_left(secret) http_total{instance_id=~".+"}`,
		`info(up)`, `info(up, {secret=~".+"})`, `sort_desc({__name__=~".+"})`, `quantile(0.5, {__name__=~".+"})`, `count_values("secret", {__name__=~".+"})`,
		`scalar(up{instance_id="` + theirs + `"})`, `-(-up{instance_id=~".+"})`, `((((up))))`, "up # {instance_id=\"" + mine + "\"}", "up{instance_id=\"" + mine + "\n\"}",
		`absent_over_time({secret=~"of-.*2"}[5m])`, `up unless {instance_id="` + mine + `"}`, `sum_over_time(sum by (secret) (rate(http_total[1m]))[5m:15s])`,
	} {
		for _, step := range []time.Duration{0, 30 * time.Second} {
			result, err := l.Query(t.Context(), mine, Query{Expr: expr, Start: noon.Add(-5 * time.Minute), End: noon, Step: step})
			if err == nil && strings.Contains(string(result.Data), "of-"+theirs) {
				t.Errorf("%s shows another's series: %s", expr, result.Data)
			}
			if err != nil && !errors.As(err, new(*QueryError)) {
				t.Errorf("%s: %v", expr, err)
			}
		}
	}
}

// Of two tenants with the same figures, a query counts one's only.
func TestAQueryCountsOneTenantOnly(t *testing.T) {
	l := twoTenants(t)
	result, err := l.Query(t.Context(), mine, Query{Expr: `count({__name__=~".+"})`, Start: noon, End: noon})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(result.Data), `"4"`) {
		t.Errorf("4 series are its own, and it is told %s", result.Data)
	}
	sets, err := l.Series(t.Context(), mine, []string{`{instance_id="` + theirs + `"}`, `{secret=~".+"}`}, noon.Add(-time.Hour), noon)
	if err != nil || len(sets) != 4 {
		t.Fatalf("%v, %v", sets, err)
	}
	for _, set := range sets {
		if set[LabelID] != mine {
			t.Errorf("a series of another is listed: %v", set)
		}
	}
}

// expression draws PromQL as somebody hostile might write it.
func expression(t *rapid.T, depth int) string {
	name := rapid.SampledFrom([]string{"up", "http_total", "target_info", ""}).Draw(t, "name")
	matcher := rapid.SampledFrom([]string{"", `instance_id=~".*"`, `instance_id="` + theirs + `"`, `instance_id!="` + mine + `"`, `secret=~".+"`, `__name__=~".+"`, `"instance_id"=~".+"`, `instance_id!~"x",secret=~".+"`}).Draw(t, "matcher")
	if name == "" && matcher == "" {
		matcher = `secret=~".+"`
	}
	selector := name + "{" + matcher + "}"
	if rapid.Bool().Draw(t, "at") {
		selector += rapid.SampledFrom([]string{" @ start()", " @ end()", " offset 1m", " offset -30s", fmt.Sprintf(" @ %d", noon.Unix())}).Draw(t, "when")
	}
	if depth == 0 {
		return selector
	}
	inner := func() string { return expression(t, depth-1) }
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return selector
	case 1:
		return "(" + inner() + ")"
	case 2:
		op := rapid.SampledFrom([]string{"+", "or", "and", "unless", "* on() group_left(secret)", "== bool on(secret)", "/ ignoring(secret)"}).Draw(t, "operator")
		return inner() + " " + op + " " + inner()
	case 3:
		f := rapid.SampledFrom([]string{"sum by (secret)", "count without (code)", "topk by (secret) (3,", "max", "group by (instance_id)"}).Draw(t, "aggregate")
		if strings.HasSuffix(f, ",") {
			return f + inner() + ")"
		}
		return f + "(" + inner() + ")"
	case 4:
		f := rapid.SampledFrom([]string{"rate", "max_over_time", "last_over_time", "absent_over_time", "count_over_time"}).Draw(t, "function")
		return f + "((" + inner() + ")[5m:15s])"
	case 5:
		return fmt.Sprintf("rate(%s{%s}[2m])", "http_total", matcher)
	case 6:
		return `label_replace(` + inner() + `, "instance_id", "$1", "secret", "of-(.*)")`
	}
	return "-" + inner()
}

// No query, however made up, tells of another's series; and each selector of what
// a store is asked is kept to the instance.
func TestNoQueryLeavesItsTenant(t *testing.T) {
	l := twoTenants(t)
	rapid.Check(t, func(t *rapid.T) {
		expr := expression(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		keptTo(t, expr)
		result, err := l.Query(context.Background(), mine, Query{Expr: expr, Start: noon.Add(-time.Minute), End: noon, Step: 30 * time.Second})
		if err == nil && strings.Contains(string(result.Data), "of-"+theirs) {
			t.Fatalf("%s shows another's series: %s", expr, result.Data)
		}
	})
}

// keptTo reads the rewritten query by itself.
func keptTo(t interface{ Fatalf(string, ...any) }, expr string) {
	text, err := keepTo(expr, owns(mine))
	if err != nil {
		if !errors.As(err, new(*QueryError)) {
			t.Fatalf("%q: %v", expr, err)
		}
		return
	}
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Fatalf("%q became %q: %v", expr, text, err)
	}
	for _, matchers := range parser.ExtractSelectors(parsed) {
		kept := false
		for _, m := range matchers {
			kept = kept || m.String() == LabelID+`="`+mine+`"`
		}
		if !kept {
			t.Fatalf("%q became %q, which leaves the tenant", expr, text)
		}
	}
}

func FuzzConfine(f *testing.F) {
	for _, seed := range []string{"up", `{a="b"}[5m:1m] @ start()`, `sum by (x) (rate(a{b=~"c"}[1m] offset 5m))`, `"text"`, "1", "up#", `{"up"}`, `up @ 1e9`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) { keptTo(t, expr) })
}

// What one query may cost is bounded.
func TestCostlyQueriesAreRefused(t *testing.T) {
	l := twoTenants(t)
	for name, q := range map[string]Query{
		"empty":            {Start: noon, End: noon},
		"too long":         {Expr: strings.Repeat("(", 5000) + "up" + strings.Repeat(")", 5000), Start: noon, End: noon},
		"too many points":  {Expr: "up", Start: noon.AddDate(-1, 0, 0), End: noon, Step: time.Second},
		"backwards":        {Expr: "up", Start: noon, End: noon.Add(-time.Hour), Step: time.Minute},
		"too many samples": {Expr: "count_over_time(vector(1)[100d:1s])", Start: noon, End: noon},
		"syntax":           {Expr: "sum((", Start: noon, End: noon},
	} {
		var refused *QueryError
		if _, err := l.Query(t.Context(), mine, q); !errors.As(err, &refused) || refused.Detail == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An answer is written as Prometheus writes it.
func TestAnswersAreThoseOfPrometheus(t *testing.T) {
	l := twoTenants(t)
	for expr, want := range map[string]string{
		`1+1`:     fmt.Sprintf(`{"resultType":"scalar","result":[%d,"2"]}`, noon.Unix()),
		`"text"`:  fmt.Sprintf(`{"resultType":"string","result":[%d,"text"]}`, noon.Unix()),
		`nothing`: `{"resultType":"vector","result":[]}`,
		`sum(up)`: fmt.Sprintf(`{"resultType":"vector","result":[{"metric":{},"value":[%d,"39"]}]}`, noon.Unix()),
		`up[20s]`: fmt.Sprintf(`{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance_id":%q,"secret":%q},"values":[[%d,"38"],[%d,"39"]]}]}`, mine, "of-"+mine, noon.Unix()-15, noon.Unix()),
	} {
		result, err := l.Query(t.Context(), mine, Query{Expr: expr, Start: noon, End: noon})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		var got, wanted any
		if json.Unmarshal(result.Data, &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || fmt.Sprint(got) != fmt.Sprint(wanted) {
			t.Errorf("%s: %s; want %s", expr, result.Data, want)
		}
	}
}

func newID() uuid.UUID { return uuid.New() }
