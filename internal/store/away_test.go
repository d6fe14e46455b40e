package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"souk/internal/store"
)

func TestAway(t *testing.T) {
	_, nobody := pgx.Connect(t.Context(), "host="+filepath.Join(t.TempDir(), "none")+" user=souk")
	for name, test := range map[string]struct {
		err  error
		away bool
	}{
		"nobody listens":           {nobody, true},
		"it crashed":               {fmt.Errorf("commit: %w", &pgconn.PgError{Code: "57P02"}), true},
		"it starts up":             {&pgconn.PgError{Code: "57P03"}, true},
		"the connection was lost":  {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"it refuses a value":       {&pgconn.PgError{Code: "23505"}, false},
		"the asker's time is up":   {context.DeadlineExceeded, false},
		"an error of our own":      {errors.New("no such plan"), false},
		"no error at all":          {nil, false},
		"others change the same":   {&pgconn.PgError{Code: "40001"}, false},
		"it was shut down by hand": {&pgconn.PgError{Code: "57P01"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := store.Away(test.err); got != test.away {
				t.Errorf("Away(%v) = %v", test.err, got)
			}
		})
	}
}
