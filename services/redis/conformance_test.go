package redis

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
	"souk/internal/driver/process/processtest"
)

// marks is a client of the conformance suite: a mark is a member of a set.
type marks struct{ redis.Conn }

func (m marks) Put(_ context.Context, mark string) error {
	_, err := m.Do("SADD", "marks", mark)
	return err
}

func (m marks) Has(_ context.Context, mark string) (bool, error) {
	return redis.Bool(m.Do("SISMEMBER", "marks", mark))
}

func (m marks) Close() { _ = m.Conn.Close() }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		z := processtest.New(t, ProcessEngine())
		return conformance.Harness{
			Driver: z.Driver, Order: order, Elsewhere: "192.0.2.0/24", Restarts: true, Meters: []string{meterTraffic},
			Larger:    driver.Plan{Name: "large", Revision: 1, CPUMillis: 2000, MemoryMiB: 1024},
			AllOrNone: "Redis has no list of networks",
			Connect: func(ctx context.Context, _ string, at *driver.Endpoint, c driver.Credential) (conformance.Client, error) {
				conn, err := dial(ctx, at, c.Login, c.Password)
				if err != nil {
					return nil, err
				}
				return marks{conn}, nil
			},
			LoseData: func(t *testing.T, id string) {
				if err := os.RemoveAll(filepath.Join(z.Folder(id), dataFolder)); err != nil {
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
