// Package metrics is the control plane's side of instances' figures: it takes in
// what agents send, stamps on it whose it is, keeps it in a Prometheus-compatible
// store, and answers PromQL within one instance.
package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/prometheus/prometheus/prompb"
)

// The labels that the control plane stamps on every series. An agent names the
// instance by LabelID and no other of them.
const (
	LabelID           = "instance_id" // by which tenants are kept apart: never used again for another
	LabelInstance     = "instance"
	LabelProject      = "project"
	LabelOrganization = "organization"
	LabelZone         = "zone"
	LabelService      = "service"
)

// Window is how far back samples are taken in: agents send what they kept while the
// control plane or the store was away.
const Window = 24 * time.Hour

// ErrAway is a store that cannot be used for the moment; the same request may work
// later.
var ErrAway = errors.New("the metrics store cannot be reached")

// ErrRefused is a store that does not take samples as they are; repeating cannot help.
var ErrRefused = errors.New("the metrics store refuses samples")

// Store keeps series. All methods are safe for concurrent use.
type Store interface {
	// Append keeps samples, in any order. Those that are there already change
	// nothing. Its errors are ErrAway and ErrRefused.
	Append(ctx context.Context, series []prompb.TimeSeries) error
	// Query evaluates PromQL over the series of one instance. Its errors are
	// *QueryError.
	Query(ctx context.Context, instanceID string, q Query) (Result, error)
	// Across evaluates PromQL over the series of all instances of a service: for what
	// the control plane asks itself. Its errors are *QueryError.
	Across(ctx context.Context, service string, q Query) (Result, error)
	// Series lists the label sets of an instance's series that match one of the
	// selectors, or all of them without any.
	Series(ctx context.Context, instanceID string, selectors []string, from, to time.Time) ([]map[string]string, error)
}

// Query is one PromQL query; with Step 0 it is evaluated once, at End.
type Query struct {
	Expr       string
	Start, End time.Time
	Step       time.Duration
}

// Result is a query's answer as Prometheus writes it.
type Result struct {
	Data     json.RawMessage // {"resultType": ..., "result": ...}
	Warnings []string
}

// QueryError is why a query has no answer, in Prometheus' words for kinds.
type QueryError struct {
	Kind   string // "bad_data", "execution", "timeout", "unavailable"
	Detail string // plain words
}

func (e *QueryError) Error() string { return e.Detail }

// The kinds of a QueryError.
const (
	BadData     = "bad_data"
	Execution   = "execution"
	Timeout     = "timeout"
	Unavailable = "unavailable"
)

// Limits of one query.
const (
	maxExpression = 8 << 10          // bytes
	maxPoints     = 11_000           // of a series
	maxSamples    = 5_000_000        // in memory at one time
	queryWithin   = 20 * time.Second // to be answered
	maxAtOnce     = 8                // queries of everybody; the others wait
	maxAnswer     = 64 << 20         // bytes, from an external store
)

func (q Query) check() error {
	switch {
	case q.Expr == "":
		return &QueryError{BadData, "The query is empty: give one in PromQL as the parameter query."}
	case len(q.Expr) > maxExpression:
		return &QueryError{BadData, "The query is longer than 8 KiB."}
	case q.Step < 0 || q.End.Before(q.Start):
		return &QueryError{BadData, "The end lies before the start, or the step is negative."}
	case q.Step > 0 && q.End.Sub(q.Start)/q.Step > maxPoints:
		return &QueryError{BadData, "The answer would have more than 11,000 points a series: choose a larger step or a shorter span."}
	}
	return nil
}
