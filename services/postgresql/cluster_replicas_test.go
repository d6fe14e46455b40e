//go:build e2e

package postgresql

import (
	"testing"
	"time"
)

// TestClusterReplicas reads at the address of the replicas, over verified TLS, and
// cannot write there; one member alone has no such address.
func TestClusterReplicas(t *testing.T) {
	p := newPlace(t, "replicas")
	alone := p.order()
	if at := p.running(alone).Endpoint; at.ReadHost != "" {
		t.Errorf("one member alone is read from at %s", at.ReadHost)
	}
	want := p.order()
	want.ServiceLevel = guaranteed
	at := p.running(want).Endpoint
	p.exec(p.user(want, at), "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	if at.ReadHost == "" || at.ReadHost == at.Host && at.ReadPort == at.Port {
		t.Fatalf("it is read from at %s:%d, and written to at %s:%d", at.ReadHost, at.ReadPort, at.Host, at.Port)
	}
	read := *at
	read.Host, read.Port = at.ReadHost, at.ReadPort
	for until := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		conn, err := dial(t.Context(), &read, want.Credentials[0].Login, want.Credentials[0].Password)
		var replica bool
		var n int
		if err == nil {
			err = conn.QueryRow(t.Context(), "SELECT pg_is_in_recovery(), (SELECT count(*) FROM numbers)").Scan(&replica, &n)
			if err == nil && replica && n == 100 {
				if _, err := conn.Exec(t.Context(), "DELETE FROM numbers"); err == nil {
					t.Error("it is written to at the address of the replicas")
				}
				conn.Close(t.Context())
				return
			}
			conn.Close(t.Context())
		}
		if time.Now().After(until) {
			t.Fatalf("read at the address of the replicas: a replica %v, %d rows (%v)", replica, n, err)
		}
	}
}
