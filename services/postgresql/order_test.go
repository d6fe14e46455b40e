package postgresql

import (
	"crypto/tls"
	"testing"
	"time"
)

func TestOrderToVerifiedQuery(t *testing.T) {
	z := newZone(t)
	want := order()
	started := time.Now()
	seen := z.Bring(&want)
	conn := z.user(want, seen.Endpoint)
	var user, session string
	if err := conn.QueryRow(t.Context(), "SELECT current_user, session_user").Scan(&user, &session); err != nil {
		t.Fatal(err)
	}
	t.Logf("order to first verified query: %v", time.Since(started).Round(time.Millisecond))
	if user != "app_owner" || session != "alice" {
		t.Errorf("user %s, session %s", user, session)
	}
	if _, ok := conn.PgConn().Conn().(*tls.Conn); !ok {
		t.Error("the connection is not encrypted")
	}
	if seen.Generation != 1 || seen.Plan != want.Plan || seen.StorageUsedBytes == 0 {
		t.Errorf("observed %+v", seen)
	}
}
