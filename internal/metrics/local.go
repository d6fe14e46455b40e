package metrics

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// LocalConfig says where and how long series are kept in this process.
type LocalConfig struct {
	Folder    string        // of nobody else's
	Retention time.Duration // 0: 30 days
	MaxBytes  int64         // of what is kept; 0: 10 GiB
	Logger    *slog.Logger
}

// Local is a Store within this process, for where one process is the whole of the
// control plane.
type Local struct {
	db     *tsdb.DB
	engine *promql.Engine
	turns  chan struct{}
}

var _ Store = (*Local)(nil)

// lookback is how old a figure may be that still counts as the present one.
const lookback = 2 * time.Minute

// OpenLocal opens the store in the folder, making it the first time. Another
// process that has it open is an error.
func OpenLocal(c LocalConfig) (*Local, error) {
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return nil, err
	}
	options := tsdb.DefaultOptions()
	options.RetentionDuration = cmp.Or(c.Retention, 30*24*time.Hour).Milliseconds()
	options.MaxBytes = cmp.Or(c.MaxBytes, 10<<30)
	options.OutOfOrderTimeWindow = (Window + time.Hour).Milliseconds()
	options.MaxBlockDuration = options.RetentionDuration / 10
	db, err := tsdb.Open(c.Folder, quiet(c.Logger), nil, options, nil)
	if err != nil {
		return nil, fmt.Errorf("the metrics store %s cannot be opened: %w", c.Folder, err)
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: maxSamples, Timeout: queryWithin, LookbackDelta: lookback,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: language,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
	return &Local{db: db, engine: engine, turns: make(chan struct{}, maxAtOnce)}, nil
}

// quiet passes on what somebody has to know of.
func quiet(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(warnings{log.Handler()})
}

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// Close writes out what is in memory.
func (l *Local) Close() error { return l.db.Close() }

// Append implements Store.
func (l *Local) Append(ctx context.Context, series []prompb.TimeSeries) error {
	in := l.db.Appender(ctx)
	builder := labels.NewScratchBuilder(16)
	for _, s := range series {
		set := s.ToLabels(&builder, nil)
		var ref storage.SeriesRef
		for _, sample := range s.Samples {
			next, err := in.Append(ref, set, sample.Timestamp, sample.Value)
			switch {
			case err == nil:
				ref = next
			case errors.Is(err, storage.ErrOutOfBounds), errors.Is(err, storage.ErrTooOldSample),
				errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
				// It is there already, or too old to be kept.
			default:
				return errors.Join(fmt.Errorf("%w: %w", ErrRefused, err), in.Rollback())
			}
		}
	}
	if err := in.Commit(); err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err) // a full disk, say
	}
	return nil
}

// turn waits until the query may be carried out.
func (l *Local) turn(ctx context.Context) (func(), error) {
	select {
	case l.turns <- struct{}{}:
		return func() { <-l.turns }, nil
	case <-ctx.Done():
		return nil, &QueryError{Unavailable, "Too many queries are being answered. Try again in a moment."}
	}
}

// Query implements Store.
func (l *Local) Query(ctx context.Context, instanceID string, q Query) (Result, error) {
	return l.query(ctx, owns(instanceID), q)
}

// Across implements Store.
func (l *Local) Across(ctx context.Context, service string, q Query) (Result, error) {
	return l.query(ctx, ofService(service), q)
}

func (l *Local) query(ctx context.Context, own *labels.Matcher, q Query) (Result, error) {
	if err := q.check(); err != nil {
		return Result{}, err
	}
	expr, err := keepTo(q.Expr, own)
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryWithin)
	defer cancel()
	done, err := l.turn(ctx)
	if err != nil {
		return Result{}, err
	}
	defer done()
	from := tenantQueryable{l.db, own}
	var query promql.Query
	if q.Step == 0 {
		query, err = l.engine.NewInstantQuery(ctx, from, nil, expr, q.End)
	} else {
		query, err = l.engine.NewRangeQuery(ctx, from, nil, expr, q.Start, q.End, q.Step)
	}
	if err != nil {
		return Result{}, &QueryError{BadData, err.Error()}
	}
	defer query.Close()
	return answer(query.Exec(ctx))
}

// answer writes a result as Prometheus does.
func answer(result *promql.Result) (Result, error) {
	if result.Err != nil {
		kind := Execution
		if errors.As(result.Err, new(promql.ErrQueryTimeout)) || errors.As(result.Err, new(promql.ErrQueryCanceled)) {
			kind = Timeout
		}
		return Result{}, &QueryError{kind, result.Err.Error()}
	}
	value := any(result.Value)
	switch v := result.Value.(type) { // an empty answer is a list
	case promql.Vector:
		value = append(promql.Vector{}, v...)
	case promql.Matrix:
		value = append(promql.Matrix{}, v...)
	}
	data, err := json.Marshal(map[string]any{"resultType": result.Value.Type(), "result": value})
	if err != nil {
		return Result{}, &QueryError{Execution, "The answer cannot be written."}
	}
	var notes []string
	for _, w := range result.Warnings.AsErrors() {
		notes = append(notes, w.Error())
	}
	return Result{Data: data, Warnings: notes}, nil
}

// Series implements Store.
func (l *Local) Series(ctx context.Context, instanceID string, texts []string, from, to time.Time) ([]map[string]string, error) {
	sets, err := selectors(texts, instanceID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryWithin)
	defer cancel()
	done, err := l.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	querier, err := tenantQueryable{l.db, owns(instanceID)}.Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, &QueryError{Execution, "The store cannot be read."}
	}
	defer querier.Close()
	found := map[string]map[string]string{}
	for _, matchers := range sets {
		set := querier.Select(ctx, false, &storage.SelectHints{Start: from.UnixMilli(), End: to.UnixMilli(), Func: "series"}, matchers...)
		for set.Next() {
			found[set.At().Labels().String()] = set.At().Labels().Map()
		}
		if err := set.Err(); err != nil {
			return nil, &QueryError{Execution, "The store cannot be read."}
		}
	}
	return inOrder(found), nil
}

// inOrder lists values by their keys.
func inOrder(found map[string]map[string]string) []map[string]string {
	keys := make([]string, 0, len(found))
	for key := range found {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]map[string]string, len(keys))
	for i, key := range keys {
		out[i] = found[key]
	}
	return out
}
