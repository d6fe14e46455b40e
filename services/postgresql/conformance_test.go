package postgresql

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
)

// marks is a client of the conformance suite: a mark is a row.
type marks struct{ *pgx.Conn }

func (m marks) Put(ctx context.Context, mark string) error {
	_, err := m.Exec(ctx, "CREATE TABLE IF NOT EXISTS marks (mark text)")
	if err == nil {
		_, err = m.Exec(ctx, "INSERT INTO marks VALUES ($1)", mark)
	}
	return err
}

func (m marks) Has(ctx context.Context, mark string) (has bool, err error) {
	err = m.QueryRow(ctx, "SELECT exists (SELECT FROM marks WHERE mark = $1)", mark).Scan(&has)
	return has, err
}

func (m marks) Close() { _ = m.Conn.Close(context.Background()) }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		z := newZone(t)
		return conformance.Harness{
			Driver: z.Driver, Order: order, Elsewhere: "192.0.2.0/24", Restarts: true,
			Larger: driver.Plan{Name: "large", Revision: 1, CPUMillis: 2000, MemoryMiB: 1024},
			Connect: func(ctx context.Context, _ string, at *driver.Endpoint, c driver.Credential) (conformance.Client, error) {
				conn, err := dial(ctx, at, c.Login, c.Password)
				if err != nil {
					return nil, err
				}
				return marks{conn}, nil
			},
			LoseData: func(t *testing.T, id string) {
				place, err := z.Supervisor.Find(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(place.Folder, clusterFolder)); err != nil {
					t.Fatal(err)
				}
			},
			Reopen: func(*testing.T) driver.Driver {
				z.Reopen()
				return z.Driver
			},
		}
	})
}
