package nats

import (
	"errors"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
	"souk/internal/servicepkg"
)

// credentials are those of an order, as customers are told them.
func credentials(want driver.Instance, at *driver.Endpoint) api.Credentials {
	return api.Credentials{Login: want.Credentials[0].Login, Password: want.Credentials[0].Password, Endpoint: api.Endpoint{Host: at.Host, Port: at.Port, CA: at.CAPEM}}
}

// What a conformance run provokes is what the package's alerts look at.
func TestWhatIsProvokedIsSeen(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	want.StorageGiB = 1
	c := credentials(want, z.Bring(&want).Endpoint)
	if err := cutOff(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := fillStreams(t.Context(), c); err != nil {
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
	if told["gnatsd_varz_slow_consumers"] != 1 {
		t.Errorf("%v consumers were cut off", told["gnatsd_varz_slow_consumers"])
	}
	if used, of := told["gnatsd_varz_jetstream_stats_storage"], 0.9*float64(want.StorageGiB<<30); used <= 0.85*of {
		t.Errorf("streams take %v of %v", used, of)
	}
}

// What would take too long to fill is not filled.
func TestStorageThatIsTooLargeToBeFilled(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	want.StorageGiB = 20
	if _, err := fillStreams(t.Context(), credentials(want, z.Bring(&want).Endpoint)); !errors.Is(err, servicepkg.ErrNotProvoked) {
		t.Error(err)
	}
}
