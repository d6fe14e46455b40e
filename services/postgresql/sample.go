package postgresql

import (
	"context"
	_ "embed"
	"errors"
	"strings"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

// samples is one statement of one row: each column is a figure, named NAME or
// NAME:LABEL:VALUE, and NULL where there is none. $1 is the users' database. Names are
// those of the exporter that most dashboards for PostgreSQL are made for, where it has
// the figure. It is planned anew each time, and so reads few relations.
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
	defer rows.Close()
	if !rows.Next() {
		return nil, errors.Join(errors.New("the users' database is not there"), rows.Err())
	}
	values := make([]*float64, len(rows.FieldDescriptions()))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	var out []driver.Sample
	for i, column := range rows.FieldDescriptions() {
		if values[i] != nil {
			out = append(out, named(column.Name, *values[i]))
		}
	}
	return out, nil
}

// named reads a column's name.
func named(column string, value float64) driver.Sample {
	name, label, _ := strings.Cut(column, ":")
	sample := driver.Sample{Name: name, Value: value}
	if label, of, ok := strings.Cut(label, ":"); ok {
		sample.Labels = map[string]string{label: of}
	}
	return sample
}
