package conformance

import (
	"context"
	"fmt"

	"souk/api"
	"souk/api/client"
)

// metrics: a figure follows what is done.
func (r *Run) metrics(ctx context.Context) error {
	before, _, err := r.figure(ctx)
	if err != nil {
		return err
	}
	s, err := r.session(ctx, r.main)
	if err != nil {
		return err
	}
	defer s.Close()
	began, writes := r.Now(), 0
	var now float64
	err = r.eventually(ctx, func() (err error) {
		for range writesAtOnce {
			if err := s.Put(ctx, "load", fmt.Sprint(writes)); err != nil {
				return final{fmt.Errorf("nothing can be written: %w", err)}
			}
			writes++
		}
		var known bool
		if now, known, err = r.figure(ctx); err != nil {
			return err
		}
		if !known || now < before+rises {
			return fmt.Errorf("%s, %s, is %.2f/s before %d writes and %.2f/s after", r.Prover.Figure.Panel, r.Prover.Figure.Legend, before, writes, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.note("%s, %s, rose from %.2f/s to %.2f/s within %s of writing.", r.Prover.Figure.Panel, r.Prover.Figure.Legend, before, now, seconds(r.Now().Sub(began)))
	return nil
}

const (
	writesAtOnce = 20 // between two looks
	rises        = 5  // a second, by which the figure has to
)

// figure is the newest value of the package's figure, if any is known yet.
func (r *Run) figure(ctx context.Context) (float64, bool, error) {
	m, err := r.Project.Metrics(ctx, r.main, client.MetricsSpan{Range: "5m", Points: 30})
	if err != nil {
		return 0, false, fmt.Errorf("no figures can be had: %w", err)
	}
	want := r.Prover.Figure
	for _, panel := range m.Panels {
		for _, series := range panel.Series {
			if panel.Title == want.Panel && series.Legend == want.Legend {
				return newest(series)
			}
		}
	}
	return 0, false, nil
}

func newest(s api.MetricsSeries) (float64, bool, error) {
	for i := len(s.Values) - 1; i >= 0; i-- {
		if s.Values[i] != nil {
			return *s.Values[i], true, nil
		}
	}
	return 0, false, nil
}
