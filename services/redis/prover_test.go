package redis

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

// credentials are those of an order, as customers are told them.
func credentials(want driver.Instance, at *driver.Endpoint) api.Credentials {
	return api.Credentials{Login: want.Credentials[0].Login, Password: want.Credentials[0].Password, Endpoint: api.Endpoint{Host: at.Host, Port: at.Port, CA: at.CAPEM}}
}

// What a conformance run provokes is what the package's alerts look at.
func TestWhatIsProvokedIsSeen(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	want.Parameters = map[string]any{"maxclients": 30.0}
	c := credentials(want, z.Bring(&want).Endpoint)
	figures := func() map[string]float64 {
		told := map[string]float64{}
		samples, err := z.Sample(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			told[s.Name] = s.Value
		}
		return told
	}
	end, err := takeConnections(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if is := figures(); is["redis_connected_clients"] <= 0.85*is["redis_config_maxclients"] {
		t.Errorf("of the connections %v of %v are taken", is["redis_connected_clients"], is["redis_config_maxclients"])
	}
	end()
	if end, err = fillMemory(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	defer end()
	if is := figures(); is["redis_rejected_writes_total"] == 0 || is["redis_memory_used_bytes"] <= 0.9*is["redis_memory_max_bytes"] {
		t.Errorf("of the memory %v of %v is taken, %v writes were refused", is["redis_memory_used_bytes"], is["redis_memory_max_bytes"], is["redis_rejected_writes_total"])
	}
}

// While a program keeps the server busy it answers nobody, and afterwards everybody.
func TestAServerThatIsKeptBusy(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	c := credentials(want, z.Bring(&want).Endpoint)
	s, err := enter(t.Context(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	done := make(chan error)
	began := time.Now()
	go func() { done <- keepBusy(t.Context(), c, 2*time.Second) }()
	for answered := true; answered; {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, err := s.Get(ctx, "k")
		cancel()
		if answered = err == nil; !answered && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if answered && time.Since(began) > 20*time.Second {
			t.Fatal("it answers while it is kept busy")
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("it was busy for %s only", took)
	}
	again, err := enter(t.Context(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
