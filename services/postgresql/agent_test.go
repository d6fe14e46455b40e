package postgresql

import (
	"testing"

	"souk/internal/driver/process/processtest"
)

func TestAgentWithoutPrivileges(t *testing.T) {
	z := processtest.NewReal(t)
	want := order()
	for _, what := range []string{"ensure", "stop", "ensure"} { // each time another agent
		seen := z.Agent(t, what, want)
		want.HeldData = true
		if what == "stop" {
			continue
		}
		conn, err := dial(t.Context(), seen.Endpoint, "alice", want.Credentials[0].Password)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close(t.Context())
		if len(seen.Conditions) > 0 {
			t.Errorf("conditions %+v", seen.Conditions)
		}
	}
	z.Agent(t, "remove", want)
}
