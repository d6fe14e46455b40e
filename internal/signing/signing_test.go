package signing

import (
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a record, its keyring and a clock.
type world struct {
	*testing.T
	clock *clock.Manual
	again func() *Service // another process on the same record
}

func newWorld(t *testing.T) *world {
	keys, err := envelope.Create(filepath.Join(t.TempDir(), "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, clock: &clock.Manual{}}
	w.clock.Set(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	record := storetest.New(t)
	w.again = func() *Service { return &Service{Store: record, Clock: w.clock, Secrets: envelope.New(keys)} }
	return w
}

func (w *world) sign(s *Service, kind, payload string) string {
	w.Helper()
	signed, err := s.Sign(w.Context(), kind, []byte(payload))
	if err != nil {
		w.Fatal(err)
	}
	return signed
}

func (w *world) keys(s *Service) jose.JSONWebKeySet {
	w.Helper()
	set, err := s.Keys(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return set
}

func TestWhatIsSignedCanBeVerifiedByThePublishedKeys(t *testing.T) {
	w := newWorld(t)
	s := w.again()
	signed := w.sign(s, SLAReport, `{"a":1}`)
	got, err := Verify(w.keys(s), signed)
	if err != nil || got.Kind != SLAReport || string(got.Payload) != `{"a":1}` {
		t.Fatalf("got %+v, %v", got, err)
	}
	if again := w.sign(w.again(), SLAReport, `{"a":1}`); again != signed {
		t.Error("another process signs the same in other bytes")
	}
	for _, k := range w.keys(s).Keys {
		if !k.IsPublic() {
			t.Error("a private key is published")
		}
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	w := newWorld(t)
	s := w.again()
	signed := w.sign(s, RestoreCertificate, `{"rows":1000}`)
	parts := strings.Split(signed, ".")
	changed := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"rows":9999}`)) + "." + parts[2]
	other := strings.Split(w.sign(s, SLAReport, `{"rows":1000}`), ".")
	for name, forged := range map[string]string{
		"another payload": changed,
		"another kind":    other[0] + "." + parts[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Verify(w.keys(s), forged); !errors.Is(err, ErrForged) {
				t.Errorf("got %v, want ErrForged", err)
			}
		})
	}
	stranger := newWorld(t).again()
	if _, err := Verify(w.keys(s), w.sign(stranger, SLAReport, `{}`)); err == nil || !strings.Contains(err.Error(), "not among the published keys") {
		t.Errorf("a stranger's: %v", err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	for _, bad := range []string{"", "x", "a.b.c", none} {
		if _, err := Verify(w.keys(s), bad); err == nil || !strings.Contains(err.Error(), "not a JSON Web Signature") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAKeyIsMadeOnceAndRenewed(t *testing.T) {
	w := newWorld(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := w.again().Sign(t.Context(), SLAReport, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s := w.again()
	if n := len(w.keys(s).Keys); n != 1 {
		t.Fatalf("eight processes made %d keys", n)
	}
	old := w.sign(s, SLAReport, "{}")
	w.clock.Advance(Renewal)
	renewed := w.sign(s, SLAReport, "{}")
	if n := len(w.keys(s).Keys); n != 2 || renewed == old {
		t.Fatalf("after %s there are %d keys", Renewal, n)
	}
	for _, signed := range []string{old, renewed} {
		if _, err := Verify(w.keys(s), signed); err != nil {
			t.Error(err)
		}
	}
}
