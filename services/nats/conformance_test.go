package nats

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
	"souk/internal/driver/process/processtest"
)

// marks is a client of the conformance suite: a mark is a key of a bucket.
type marks struct{ *nats.Conn }

func (m marks) bucket() (nats.KeyValue, error) {
	js, err := m.JetStream()
	if err != nil {
		return nil, err
	}
	return js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "marks"})
}

func (m marks) Put(_ context.Context, mark string) error {
	kv, err := m.bucket()
	if err == nil {
		_, err = kv.Put(mark, nil)
	}
	return err
}

func (m marks) Has(_ context.Context, mark string) (bool, error) {
	kv, err := m.bucket()
	if err != nil {
		return false, err
	}
	_, err = kv.Get(mark)
	if errors.Is(err, nats.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (m marks) Close() { m.Conn.Close() }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		z := processtest.New(t, ProcessEngine())
		return conformance.Harness{
			Driver: z.Driver, Order: order, Elsewhere: "192.0.2.0/24", Restarts: true, Meters: []string{meterTraffic},
			Larger:    driver.Plan{Name: "large", Revision: 1, CPUMillis: 2000, MemoryMiB: 1024},
			AllOrNone: "NATS has no list of networks",
			Connect: func(_ context.Context, _ string, at *driver.Endpoint, c driver.Credential) (conformance.Client, error) {
				nc, err := dial(at, c.Login, c.Password, time.Now)
				if err != nil {
					return nil, err
				}
				return marks{nc}, nil
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
