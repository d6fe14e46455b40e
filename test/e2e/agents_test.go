//go:build e2e

package e2e

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/test/soukdev"
)

// TestAgentRevokedAndReplaced cuts the zone's agent off as an operator would, and
// enrols it anew; then a second agent takes the zone over while the first runs.
func TestAgentRevokedAndReplaced(t *testing.T) {
	z := newZone(t, "e2e-agents", "expose: {type: LoadBalancer}")
	z.Sh("souk order postgresql db1 --zone " + z.name + " --allow " + here() + " --wait").Done("is ready at")
	n, ordered := z.namespaceOf("db1"), time.Now()
	w := newWitness(t, z, "db1")
	w.reaches(t, 20)

	z.Sh("souk --context operator zone revoke " + z.name).Done()
	z.isReachable(false)
	z.Sh("souk describe instance db1").Done("cut the zone's agent off")
	z.Sh("souk binding create db1 meanwhile").Done()
	z.Eventually("the agent says what to do", func() error {
		return lacks(z.system.try("logs", "souk-agent-0", "--tail", "50"), "zone enrol")
	})
	w.after(t, time.Now())

	z.token(t)
	z.isReachable(true)
	z.Sh("souk update db1 --label taken=up --wait").Done()
	z.Eventually("the log-in that was ordered meanwhile works", func() error {
		return lacks(z.Sh("souk connect db1 --binding meanwhile -- -Atc 'select 1'").Out, "1")
	})

	z.token(t) // for whoever asks first: the agent that is enrolled has no use for it
	z.system.run("scale", "statefulset/souk-agent", "--replicas=2")
	z.Eventually("the first agent is told that another has the zone", func() error {
		return lacks(z.system.try("logs", "souk-agent-0", "--tail", "50")+z.system.try("logs", "souk-agent-0", "--previous"), "another agent")
	})
	z.system.run("delete", "pod", "souk-agent-0", "--grace-period=0", "--force")
	z.isReachable(true)
	z.becomes("db1", api.PhaseReady, "")
	z.Sh("souk binding create db1 later --wait").Done()

	w.stop()
	w.compare(t)
	billedThroughout(t, z, "db1", ordered)
	got := z.Record("SELECT epoch FROM " + soukdev.Reports + " WHERE zone_id = " + z.id() + " GROUP BY epoch HAVING count(*) <> max(sequence) - min(sequence) + 1")
	if len(got) > 0 {
		t.Errorf("facts are missing of the epochs %v", got)
	}
	if clusters := strings.Fields(n.run("get", "clusters.postgresql.cnpg.io", "-o", "name")); !slices.Equal(clusters, []string{"cluster.postgresql.cnpg.io/db"}) {
		t.Errorf("its clusters are %q", clusters)
	}
}

func lacks(text, words string) error {
	if strings.Contains(text, words) {
		return nil
	}
	return errors.New(text)
}

// token gives the zone's agents a new token.
func (z *zone) token(t *testing.T) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	z.Sh("souk --context operator zone enrol " + z.name + " --token-file " + token).Done()
	z.system.run("delete", "secret", "souk-agent-token")
	z.system.run("create", "secret", "generic", "souk-agent-token", "--from-file=token="+token)
}
