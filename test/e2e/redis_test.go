//go:build e2e

package e2e

import (
	"errors"
	"strings"
	"testing"

	"souk/api"
)

// redisPrices are what Redis costs in a zone.
const redisPrices = `currency: CHF
prices:
- {service: redis, serviceLevel: best-effort, item: compute, unit: hour, amount: "0.05"}
- {service: redis, serviceLevel: best-effort, item: storage, unit: GiB-month, amount: "0.30"}
- {service: redis, serviceLevel: guaranteed, item: compute, unit: hour, amount: "0.15"}
- {service: redis, serviceLevel: guaranteed, item: storage, unit: GiB-month, amount: "0.90"}
`

// TestRedis is the whole life of a Redis in a cluster, as its user sees it.
func TestRedis(t *testing.T) {
	z := newZone(t, "e2e-redis", "expose: {type: LoadBalancer}")
	z.Sh("souk --context operator prices publish redis -f " + file(t, "redis.yaml", redisPrices)).Done("published")
	z.Sh("souk --context operator zone offer " + z.name + " redis --price-list redis").Done("offered")
	z.Sh("souk order redis db1 --zone " + z.name + " --set maxmemory-policy=volatile-lru --wait").Done("is ready at")
	z.Sh("souk connect db1 -- SET k kept").Done("OK")
	z.Sh("souk connect db1 -- CONFIG GET dir").Done("NOPERM")

	z.Sh("souk update db1 --plan medium --wait").Done()
	if i := z.Instance("db1"); i.Status.AppliedPlan != "medium" || i.Status.Phase != api.PhaseReady {
		t.Errorf("db1 is %s on plan %q", i.Status.Phase, i.Status.AppliedPlan)
	}
	z.Sh("souk connect db1 -- INFO memory").Done("maxmemory:644245080", "maxmemory_policy:volatile-lru")
	z.Sh("souk update db1 --storage 20 --wait").Fails(1, "storage of this zone cannot grow: it stays at 5 gib", "you have to act")
	z.Sh("souk update db1 --storage 5 --wait").Done()
	hasKey(z)

	redisBindings(z)
	z.Eventually("the log says that it was started", func() error {
		if r := z.Sh("souk logs db1").Done(); !strings.Contains(r.Out, "Ready to accept connections") {
			return errors.New(r.Out)
		}
		return nil
	})
	suspendAndResume(t, z, hasKey)
	deleteAndUndelete(z, hasKey)
	purge(z)
	guaranteedRedis(t, z)
	z.Sh("souk --context operator audit segments").Done("No differences")
}

// guaranteedRedis orders one with three members, which the agent restarts with the rights
// that it has; it is refused where there are too few failure domains.
func guaranteedRedis(t *testing.T, z *zone) {
	offered := z.Sh("souk --context operator zone offer " + z.name + " redis --service-level guaranteed --price-list redis")
	if nodeCount(&namespace{t, "default"}) < 3 {
		offered.Fails(1, "three failure domains")
		return
	}
	offered.Done("offered")
	z.Sh("souk order redis ha --zone " + z.name + " --service-level guaranteed --wait").Done("is ready at")
	if members := z.Instance("ha").Status.Members; len(members) != 3 {
		t.Errorf("its members are %+v", members)
	}
	z.Sh("souk connect ha -- SET k kept").Done("OK")
	z.Sh("souk update ha --plan medium --wait").Done()
	z.Sh("souk connect ha -- GET k").Done("kept")
	z.Sh("souk logs ha").Done("Ready to accept connections")
	z.Sh("souk unprotect ha").Done()
	z.Sh("souk delete ha --wait").Done()
}

func hasKey(z *zone) {
	z.system.t.Helper()
	z.Sh("souk connect db1 -- GET k").Done("kept")
}

// redisBindings rotates a binding and revokes it; the log-in before is out.
func redisBindings(z *zone) {
	ask := func(credentials string) string {
		return `. ` + credentials + `; redis-cli --tls --cacert "$REDIS_TLS_CA" -h "$REDIS_HOST" -p "$REDIS_PORT" --user "$REDIS_USERNAME" --no-auth-warning -e GET k`
	}
	keep := func() string {
		return file(z.system.t, "binding.sh", z.Sh("souk credentials db1 --binding app -o shell").Done().Out)
	}
	z.Sh("souk binding create db1 app --wait").Done()
	first := keep()
	z.Sh(ask(first)).Done("kept")
	z.Sh("souk binding rotate db1 app --overlap 0 --wait").Done()
	z.Sh(ask(first)).Fails(1)
	second := keep()
	z.Sh(ask(second)).Done("kept")
	z.Sh("souk binding revoke db1 app").Done()
	z.Eventually("the revoked log-in is refused", func() error {
		if r := z.Sh(ask(second)); r.Code == 0 {
			return errors.New("it is let in")
		}
		return nil
	})
}
