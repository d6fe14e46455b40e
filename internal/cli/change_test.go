package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/api"
)

func TestOrderAndWait(t *testing.T) {
	h := newTerminal(t)
	h.server.cut = 2 // the stream breaks off in the middle and is resumed
	stdout, stderr := h.expect(exitDone, "order", "postgresql", "db1", "--wait", "--plan", "small", "--storage", "10",
		"--set", "work_mem=8MB", "--set", "max_connections=50", "--allow", "192.0.2.0/24", "--label", "app=shop", "--no-protect")
	same(t, stdout, "instance/db1 is ready at 127.0.0.1:20001\n")
	same(t, stderr, `
db1: postgresql small in local costs CHF 0.02 an hour, CHF 16.40 in this calendar month (price list 3)
db1: Pending
db1: Provisioning: The database is being made.
db1: Ready
`)
	order := h.server.sent("POST")[0]
	same(t, order.body, `{"metadata":{"name":"db1","labels":{"app":"shop"}},"spec":{"service":"postgresql","plan":"small","storageGiB":10,`+
		`"parameters":{"max_connections":50,"work_mem":"8MB"},"allowedNetworks":["192.0.2.0/24"],"protected":false},"acceptedPriceList":3}`)
	var resumed []string
	for _, r := range h.server.sent("GET") {
		if r.query == "watch=true" {
			resumed = append(resumed, r.lastID)
		}
	}
	if strings.Join(resumed, ",") != ",2" && strings.Join(resumed, ",") != ",1" {
		t.Errorf("watched from %q", resumed)
	}
}

func TestOrderWithoutWait(t *testing.T) {
	h := newTerminal(t)
	stdout, stderr := h.expect(exitDone, "order", "postgresql", "instance/db1")
	same(t, stdout, "instance/db1 ordered\n")
	has(t, stderr, "CHF 0.02", "souk get db1 -w")
	_, stderr = h.expect(exitFailed, "order", "postgresql", "db1")
	has(t, stderr, "taken")
	stdout, _ = h.expect(exitDone, "order", "postgresql", "db2", "-o", "name")
	same(t, stdout, "instance/db2\n")
	stdout, _ = h.expect(exitDone, "order", "postgresql", "db3", "-o", "json")
	if !json.Valid([]byte(stdout)) {
		t.Errorf("not JSON: %s", stdout)
	}
}

func TestAnEmptyAllowListReachesTheServer(t *testing.T) {
	h := newTerminal(t)
	h.expect(exitDone, "order", "postgresql", "db1", "--allow", "none")
	has(t, h.server.sent("POST")[0].body, `"allowedNetworks":[]`)
	h.expect(exitDone, "update", "db1", "--allow", "none")
	has(t, h.server.sent("PATCH")[0].body, `"allowedNetworks":[]`)
}

func TestBackupsAndLogsAtTheOrder(t *testing.T) {
	h := newTerminal(t)
	h.expect(exitDone, "order", "postgresql", "db1", "--backups", "on", "--backup-at", "03:30", "--backup-keep", "last=2,daily=14", "--log-days", "30")
	for _, part := range []string{`"enabled":true`, `"at":"03:30"`, `"last":2`, `"daily":14`, `"retentionDays":30`} {
		has(t, h.server.sent("POST")[0].body, part)
	}
	for flag, wrong := range map[string]string{"--backups": "perhaps", "--backup-keep": "hourly=3"} {
		_, stderr := h.expect(exitMisuse, "order", "postgresql", "db2", flag, wrong)
		has(t, stderr, flag)
	}
}

func TestOrderDryRun(t *testing.T) {
	h := newTerminal(t)
	stdout, stderr := h.expect(exitDone, "order", "postgresql", "db1", "--dry-run")
	same(t, stdout, `
Would order instance/db1 in acme/default:
  FIELD            FROM  TO
  spec.plan        -     small
  spec.storageGiB  -     10
  spec.zone        -     local
  COST        BEFORE  AFTER      CHANGE
  hour        -       CHF 0.02   +CHF 0.02
  this month  -       CHF 16.40  +CHF 16.40
  Beside it backup-storage costs CHF 0.05 per GiB and month, by what it takes.
`)
	has(t, stderr, "nothing has been changed")
	if len(h.server.instances) != 0 || len(h.server.sent("POST")) != 0 {
		t.Error("the dry run ordered")
	}
	for _, r := range h.server.requests {
		if r.key != "" {
			t.Error("a dry run carries an idempotency key")
		}
	}
}

func TestUpdate(t *testing.T) {
	h := newTerminal(t)
	h.server.instances["db1"] = instance("db1")
	stdout, _ := h.expect(exitDone, "update", "db1", "--plan", "medium", "--dry-run")
	has(t, stdout, "spec.plan  small  medium", "hour        CHF 0.02   CHF 0.04   +CHF 0.02", "Note: The database restarts.")

	h.server.then(ready)
	stdout, stderr := h.expect(exitDone, "update", "db1", "--plan", "medium", "--set", "jit=off", "--unset", "work_mem", "--label", "old-", "--wait")
	same(t, stdout, "instance/db1 is ready at 127.0.0.1:20001\n")
	has(t, stderr, "db1: costs CHF 0.04 an hour from then on (+CHF 0.02)", "The database restarts.", "db1: Updating")
	patch := h.server.sent("PATCH")[0]
	same(t, patch.body, `{"metadata":{"labels":{"old":null}},"spec":{"parameters":{"jit":false,"work_mem":null},"plan":"medium"}}`)
	same(t, patch.contentType, "application/merge-patch+json")

	stdout, _ = h.expect(exitDone, "update", "db1", "--plan", "medium", "--wait")
	has(t, stdout, "is ready")
}

func TestWholeLife(t *testing.T) {
	h := newTerminal(t)
	h.server.instances["db1"] = instance("db1")
	_, stderr := h.expect(exitFailed, "delete", "db1", "--wait")
	has(t, stderr, "protected", "souk unprotect db1")
	stdout, _ := h.expect(exitDone, "unprotect", "db1")
	same(t, stdout, "instance/db1 can be deleted now\n")

	purge := now.Add(7 * 24 * time.Hour)
	h.server.then(func(i *api.Instance) { i.Status.Phase, i.Status.PurgeAt = api.PhaseDeleted, &purge })
	stdout, _ = h.expect(exitDone, "delete", "instance", "db1", "--wait")
	same(t, stdout, "instance/db1 is deleted; until 2026-11-28 12:00:00 UTC it comes back with: souk undelete db1\n")

	h.server.then(ready)
	stdout, _ = h.expect(exitDone, "undelete", "db1", "--wait")
	same(t, stdout, "instance/db1 is ready at 127.0.0.1:20001\n")

	h.server.then(func(i *api.Instance) {
		i.Status.Phase, i.Status.ObservedGeneration = api.PhaseSuspended, i.Metadata.Generation
	})
	stdout, _ = h.expect(exitDone, "suspend", "db1", "--wait")
	same(t, stdout, "instance/db1 is suspended; its data is kept\n")

	h.server.then(ready)
	stdout, _ = h.expect(exitDone, "resume", "db1", "--wait")
	same(t, stdout, "instance/db1 is ready at 127.0.0.1:20001\n")

	stdout, _ = h.expect(exitDone, "protect", "db1", "-o", "name")
	same(t, stdout, "instance/db1\n")
}

func TestWaitFails(t *testing.T) {
	h := newTerminal(t)
	h.server.then(provisioning, func(i *api.Instance) {
		i.Status.Phase, i.Status.Message, i.Status.BlockedBy = api.PhaseFailed, "The zone has no PostgreSQL 15.", "operator"
	})
	_, stderr := h.expect(exitFailed, "order", "postgresql", "db1", "--wait")
	has(t, stderr, "souk: db1 has failed\nIt is Failed: The zone has no PostgreSQL 15.\nThe operator has to act", "souk describe instance db1")
}

func TestWaitEndsWhereTheUserHasToAct(t *testing.T) {
	h := newTerminal(t)
	h.server.then(func(i *api.Instance) {
		i.Status.Phase, i.Status.Message, i.Status.BlockedBy = api.PhaseUpdating, "Storage of this zone cannot grow.", "you"
	})
	_, stderr := h.expect(exitFailed, "order", "postgresql", "db1", "--wait")
	has(t, stderr, "souk: db1 is not ready\nIt is Updating: Storage of this zone cannot grow.\nYou have to act")
}

func TestWaitTimesOut(t *testing.T) {
	h := newTerminal(t)
	h.server.then(provisioning)
	_, stderr := h.expect(exitFailed, "order", "postgresql", "db1", "--wait", "--timeout", "300ms")
	has(t, stderr, "db1 is not ready after 300ms", "the work goes on", "It is Provisioning: The database is being made.", "souk describe instance db1")
}

func TestWaitInterrupted(t *testing.T) {
	h := newTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.ctx = ctx
	h.server.then(provisioning, func(*api.Instance) { cancel() })
	_, stderr := h.expect(exitFailed, "order", "postgresql", "db1", "--wait")
	has(t, stderr, "the work goes on. Look with: souk get db1 -w")
}

func TestChangesAreRepeatedWithTheirKey(t *testing.T) {
	h := newTerminal(t)
	h.server.faults = []http.HandlerFunc{
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, _ *http.Request) { refuse(w, 429, "slow down") },
		func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "restarting") },
	}
	h.expect(exitDone, "order", "postgresql", "db1")
	orders := h.server.sent("POST")
	if len(orders) != 4 {
		t.Fatalf("%d orders were sent, want 4", len(orders))
	}
	for _, r := range orders {
		if r.key == "" || r.key != orders[0].key || r.body != orders[0].body {
			t.Errorf("%+v is not a repetition of %+v", r, orders[0])
		}
	}
}

func TestPricesThatChangedMeanwhileAreNotAccepted(t *testing.T) {
	h := newTerminal(t)
	h.server.faults = []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 409, "Prices have changed since they were shown.")
	}}
	_, stderr := h.expect(exitFailed, "order", "postgresql", "db1")
	has(t, stderr, "Prices have changed")
}

func TestSetIsTypedByTheSchema(t *testing.T) {
	var schema schemaNode
	if err := json.Unmarshal(postgresql().Parameters, &schema); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ set, want string }{
		{"work_mem=8MB", `{"work_mem":"8MB"}`},
		{"work_mem=8", `{"work_mem":"8"}`},
		{"work_mem=", `{"work_mem":""}`},
		{"work_mem=a=b", `{"work_mem":"a=b"}`},
		{"max_connections=50", `{"max_connections":50}`},
		{"max_connections=many", "integer"},
		{"max_connections=1.5", "integer"},
		{"random_page_cost=1.10", `{"random_page_cost":1.10}`},
		{"random_page_cost=NaN", "number"},
		{"jit=off", `{"jit":false}`},
		{"jit=true", `{"jit":true}`},
		{"jit=maybe", "boolean"},
		{"log.level=debug", `{"log.level":"debug"}`},
		{"pool.size=5", `{"pool":{"size":5}}`},
		{"names=a,b", `{"names":["a","b"]}`},
		{"names=[a, 1]", `{"names":["a",1]}`},
		{"mixed=5", `{"mixed":5}`},
		{"mixed=five", `{"mixed":"five"}`},
		{"unknown=12345678901234567890", `{"unknown":12345678901234567890}`},
		{"unknown.dotted=x", `{"unknown.dotted":"x"}`},
	}
	for _, tt := range tests {
		name, value, _ := strings.Cut(tt.set, "=")
		parameters := map[string]any{}
		err := setParameter(parameters, schema, name, value)
		got, _ := json.Marshal(parameters)
		if err != nil {
			has(t, err.Error(), tt.want)
		} else if string(got) != tt.want {
			t.Errorf("--set %s gives %s, want %s", tt.set, got, tt.want)
		}
	}
}

func TestACostThatDoesNotMoveIsNotAnnounced(t *testing.T) {
	for amounts, want := range map[[2]string]bool{
		{"0.00", "0"}: false, {"-0.00", "0.00"}: false, {"0.00", "0.01"}: true, {"-0.02", "-10"}: true,
	} {
		if got := moves(api.CostDiff{HourDelta: chf(amounts[0]), MonthDelta: chf(amounts[1])}); got != want {
			t.Errorf("%v: %v, want %v", amounts, got, want)
		}
	}
}
