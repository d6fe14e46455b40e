package nats

import (
	"testing"

	"souk/internal/driver/process/processtest"
)

func TestFiguresOfARunningServer(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	nc := user(t, want, z.Bring(&want).Endpoint)
	if err := nc.Publish("s", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := (marks{nc}).Put(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	told := map[string]float64{}
	samples, err := z.Sample(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		told[s.Name] = s.Value
	}
	if told["gnatsd_varz_max_connections"] != 1000 || told["gnatsd_varz_connections"] < 1 || told["gnatsd_varz_in_msgs"] < 2 || told["gnatsd_varz_jetstream_stats_storage"] == 0 {
		t.Errorf("figures %v", told)
	}
}
