package postgresql

import (
	"context"
	_ "embed"

	"github.com/jackc/pgx/v5"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

// samples is one statement for all figures of a server: name, label, its value,
// figure. $1 is the users' database. Names are those of the exporter that most
// dashboards for PostgreSQL are made for, where it has the figure.
//
//go:embed samples.sql
var samples string

var _ process.Sampler = (*engine)(nil)

// Sample implements process.Sampler, by a session of its own: a kept one would hold
// the memory of a server process in each instance for good.
func (e *engine) Sample(ctx context.Context, host *process.Host) ([]driver.Sample, error) {
	conn, err := attempt(ctx, host, "postgres")
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	return (&session{conn}).samples(ctx)
}

// samples asks the server for its figures.
func (s *session) samples(ctx context.Context) ([]driver.Sample, error) {
	rows, err := s.Query(ctx, samples, database)
	if err != nil {
		return nil, err
	}
	var out []driver.Sample
	var name, label, of string
	var value float64
	_, err = pgx.ForEachRow(rows, []any{&name, &label, &of, &value}, func() error {
		sample := driver.Sample{Name: name, Value: value}
		if label != "" {
			sample.Labels = map[string]string{label: of}
		}
		out = append(out, sample)
		return nil
	})
	return out, err
}
