package metrics

import (
	"context"
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// language is PromQL without what is experimental: info() reads series that no
// selector names.
var language = parser.NewParser(parser.Options{})

func owns(instanceID string) *labels.Matcher {
	return labels.MustNewMatcher(labels.MatchEqual, LabelID, instanceID)
}

// ofService matches the series of all instances of a service.
func ofService(service string) *labels.Matcher {
	return labels.MustNewMatcher(labels.MatchEqual, LabelService, service)
}

// keepTo rewrites a query so that each of its selectors has the matcher, whatever
// else it asks for.
func keepTo(expr string, own *labels.Matcher) (string, error) {
	parsed, err := language.ParseExpr(expr)
	if err != nil {
		return "", &QueryError{BadData, "The query is not PromQL: " + err.Error()}
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selector.LabelMatchers = append(selector.LabelMatchers, own)
		}
		return nil
	})
	text := parsed.String()
	return text, confined(text, own)
}

// confined reads a query as a store will and says whether it keeps to the matcher.
func confined(expr string, own *labels.Matcher) error {
	parsed, err := language.ParseExpr(expr)
	if err != nil {
		return &QueryError{BadData, "The query cannot be kept to the instance: write it more plainly."}
	}
	for _, matchers := range parser.ExtractSelectors(parsed) {
		if !keepsTo(matchers, own) {
			return fmt.Errorf("a selector of %q is not kept to what is asked about", expr)
		}
	}
	return nil
}

func keepsTo(matchers []*labels.Matcher, own *labels.Matcher) bool {
	for _, m := range matchers {
		if m.Type == labels.MatchEqual && m.Name == own.Name && m.Value == own.Value {
			return true
		}
	}
	return false
}

// selectors rewrites series selectors as keepTo does queries.
func selectors(texts []string, instanceID string) ([][]*labels.Matcher, error) {
	if len(texts) == 0 {
		return [][]*labels.Matcher{{owns(instanceID)}}, nil
	}
	sets, err := language.ParseMetricSelectors(texts)
	if err != nil {
		return nil, &QueryError{BadData, "A selector is not PromQL: " + err.Error()}
	}
	for i := range sets {
		sets[i] = append(sets[i], owns(instanceID))
	}
	return sets, nil
}

// tenantQueryable is a store in which there is one instance only: the fence behind
// the rewritten query.
type tenantQueryable struct {
	storage.Queryable
	own *labels.Matcher
}

// Querier implements storage.Queryable.
func (t tenantQueryable) Querier(from, to int64) (storage.Querier, error) {
	q, err := t.Queryable.Querier(from, to)
	return tenantQuerier{q, t.own}, err
}

type tenantQuerier struct {
	storage.Querier
	own *labels.Matcher
}

func (t tenantQuerier) with(matchers []*labels.Matcher) []*labels.Matcher {
	return append([]*labels.Matcher{t.own}, matchers...)
}

// Select implements storage.Querier.
func (t tenantQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return t.Querier.Select(ctx, sorted, hints, t.with(matchers)...)
}

// LabelValues implements storage.Querier.
func (t tenantQuerier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return t.Querier.LabelValues(ctx, name, hints, t.with(matchers)...)
}

// LabelNames implements storage.Querier.
func (t tenantQuerier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return t.Querier.LabelNames(ctx, hints, t.with(matchers)...)
}
