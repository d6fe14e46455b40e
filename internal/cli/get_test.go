package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"souk/api"
)

func TestGetInstances(t *testing.T) {
	h := newTerminal(t)
	_, stderr := h.expect(exitDone, "get", "instances")
	same(t, stderr, "No instances in acme/default. Order one with: souk order postgresql db1\n")

	h.server.instances["db1"] = instance("db1")
	h.server.instances["reporting"] = instance("reporting", func(i *api.Instance) {
		i.Metadata.CreatedAt = now.Add(-50 * time.Hour)
		i.Status.Phase, i.Status.Endpoint = api.PhaseProvisioning, nil
		i.Status.Conditions = []api.Condition{{Type: "ZoneReachable", Status: false}}
	})
	stdout, stderr := h.expect(exitDone, "get", "instances")
	same(t, stdout, `
NAME       SERVICE     PLAN   STORAGE  ZONE   PHASE                           ENDPOINT         AGE
db1        postgresql  small  10 GiB   local  Ready                           127.0.0.1:20001  3m
reporting  postgresql  small  10 GiB   local  Provisioning, zone unreachable  -                2d
`)
	if stderr != "" {
		t.Errorf("stderr: %s", stderr)
	}
	stdout, _ = h.expect(exitDone, "get", "instances", "-o", "name")
	same(t, stdout, "instance/db1\ninstance/reporting\n")

	for _, line := range []string{"get db1", "get instance db1", "get instances db1", "get instance/db1", "get INSTANCE/db1"} {
		stdout, _ = h.expect(exitDone, append(strings.Fields(line), "-o", "name")...)
		same(t, stdout, "instance/db1\n")
	}
	stdout, _ = h.expect(exitDone, "get", "db1", "-o", "json")
	has(t, stdout, "{\n  \"kind\": \"Instance\",", `"observedGeneration": 1`)
	stdout, _ = h.expect(exitDone, "get", "instances", "-o", "yaml")
	has(t, stdout, "items:\n- kind: Instance\n")

	h.expect(exitDone, "get", "instances", "-l", "app=shop,tier=web")
	requests := h.server.sent("GET")
	has(t, requests[len(requests)-1].query, "labels=app%3Dshop%2Ctier%3Dweb")
}

func TestWatchAppendsRows(t *testing.T) {
	h := newTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.ctx = ctx
	h.server.instances["db1"] = instance("db1", func(i *api.Instance) { i.Status.Phase, i.Status.Endpoint = api.PhasePending, nil })
	h.server.life = append(h.server.life, func(*api.Instance) { time.AfterFunc(100*time.Millisecond, cancel) })
	stdout, _ := h.expect(exitDone, "get", "db1", "-w")
	same(t, stdout, `
NAME  SERVICE     PLAN   STORAGE  ZONE   PHASE    ENDPOINT  AGE
db1   postgresql  small  10 GiB   local  Pending  -         3m
db1   postgresql  small  10 GiB   local  Provisioning  -         3m
db1   postgresql  small  10 GiB   local  Ready         127.0.0.1:20001  3m
`)
}

func TestGetOtherKinds(t *testing.T) {
	h := newTerminal(t)
	at := now.Add(-time.Hour)
	h.server.replies["GET /zones"] = api.List[api.Zone]{Items: []api.Zone{{
		Metadata: api.Metadata{Name: "local"}, Provider: "csp", Title: "This machine", Driver: "process",
		FailureDomains: []string{"a"}, Capacity: api.Capacity{CPUMillis: 2000, MemoryMiB: 4096, StorageGiB: 100}, Reserved: api.Capacity{CPUMillis: 500, MemoryMiB: 512, StorageGiB: 10},
		Conditions: []api.Condition{{Type: "ZoneReachable", Status: true}},
	}, {
		Metadata: api.Metadata{Name: "k8s"}, Provider: "csp", Title: "A cluster", Driver: "kubernetes", FailureDomains: []string{"a", "b", "c"}, FailureDomainsSimulated: true,
		Capacity: api.Capacity{CPUMillis: 8000, MemoryMiB: 8192, StorageGiB: 500}, Conditions: []api.Condition{{Type: "ZoneReachable", Reason: "AgentSilent", Message: "Silent."}},
	}}}
	h.server.replies["GET /organizations/acme/quota"] = api.QuotaUse{
		Quota: api.Quota{Instances: 10, CPUMillis: 4000, MemoryMiB: 8192, StorageGiB: 200}, Used: api.Quota{Instances: 1, CPUMillis: 500, MemoryMiB: 512, StorageGiB: 10},
	}
	h.server.replies["GET /organizations/acme/members"] = api.List[api.Member]{Items: []api.Member{
		{ID: "m1", Email: "ann@acme.example", Role: api.RoleOwner, CreatedAt: at}, {ID: "m2", Email: "bob@acme.example", Role: api.RoleViewer, Project: "default", CreatedAt: at},
	}}
	h.server.replies["GET /organizations/acme/cost"] = api.Cost{
		Month: "2026-11", TimeZone: "Europe/Zurich", Until: now, Total: chf("1.25"),
		Lines: []api.CostLine{{Project: "default", Instance: "db1", Item: "compute", Plan: "small", Quantity: "62.5", Unit: "hour", Price: chf("0.02"), Amount: chf("1.25")}},
	}
	h.server.replies["GET /organizations/acme/audit"] = api.List[api.AuditRecord]{Items: []api.AuditRecord{
		{At: at, Actor: "ann@acme.example", Action: "instance.update", Object: "db1", Project: "default", Details: map[string]any{"plan": "medium", "generation": 2}},
	}}
	tests := map[string]string{
		"services": `
NAME        CATEGORY  PROVIDER  VERSIONS  ZONES  SUMMARY
postgresql  database  csp       15.14     local  A relational database
`,
		"plans postgresql": `
PLAN    CPU  MEMORY   STORAGE     ZONE    LEVEL        HOUR      THIS MONTH  MORE STORAGE                BACKUPS                     NOTE
small   0.5  512 MiB  10-100 GiB  local   best-effort  CHF 0.02  CHF 16.40   CHF 0.20 per GiB and month  CHF 0.05 per GiB and month
medium  1    1 GiB    20-200 GiB  local   best-effort  CHF 0.04  CHF 32.80   CHF 0.20 per GiB and month  CHF 0.05 per GiB and month
small   0.5  512 MiB  10-100 GiB  geneva  best-effort  CHF 0.03  CHF 22.00   CHF 0.20 per GiB and month  CHF 0.05 per GiB and month  cannot be ordered now: the zone has no PostgreSQL
`,
		"zones": `
NAME   TITLE         PROVIDER  DRIVER      FAILURE DOMAINS  CPU FREE  MEMORY FREE  STORAGE FREE  REACHABLE
local  This machine  csp       process     1                1.5       3584 MiB     90 GiB        yes
k8s    A cluster     csp       kubernetes  3 (simulated)    8         8 GiB        500 GiB       no
`,
		"quota": `
RESOURCE   USED     QUOTA    LEFT
instances  1        10       9
cpu        0.5      4        3.5
memory     512 MiB  8 GiB    7680 MiB
storage    10 GiB   200 GiB  190 GiB
`,
		"members": `
EMAIL             NAME  ROLE    PROJECT  AGE
ann@acme.example  -     owner   all      60m
bob@acme.example  -     viewer  default  60m
`,
		"member bob@acme.example": `
EMAIL             NAME  ROLE    PROJECT  AGE
bob@acme.example  -     viewer  default  60m
`,
		"cost": `
PROJECT  INSTANCE  ITEM     PLAN   QUANTITY   PRICE     AMOUNT
default  db1       compute  small  62.5 hour  CHF 0.02  CHF 1.25
TOTAL                                                   CHF 1.25
`,
		"audit": `
AT                       ACTOR             ACTION           OBJECT  PROJECT  DETAILS
2026-11-21 11:00:00 UTC  ann@acme.example  instance.update  db1     default  generation=2 plan=medium
`,
	}
	for line, want := range tests {
		t.Run(line, func(t *testing.T) {
			stdout, _ := h.expect(exitDone, append([]string{"get"}, strings.Fields(line)...)...)
			same(t, stdout, want)
		})
	}
	_, stderr := h.expect(exitFailed, "get", "zone", "mars")
	has(t, stderr, "there is no zone mars")
	_, stderr = h.expect(exitMisuse, "get", "quota", "-o", "name")
	has(t, stderr, "no names")
}

func TestDescribeInstance(t *testing.T) {
	h := newTerminal(t)
	purge := now.Add(7 * 24 * time.Hour)
	h.server.instances["db1"] = instance("db1", func(i *api.Instance) {
		i.Metadata.Generation = 2
		i.Metadata.Labels = map[string]string{"app": "shop"}
		i.Spec.Plan, i.Status.AppliedPlan = "medium", "small"
		i.Spec.Parameters = map[string]any{"work_mem": "8MB"}
		i.Spec.AllowedNetworks = []string{}
		i.Status.Phase, i.Status.Message, i.Status.BlockedBy = api.PhaseUpdating, "Waits for room.", "capacity"
		i.Status.PurgeAt = &purge
		i.Status.StorageUsedBytes = 45 << 20
		i.Status.Driver = "kubernetes"
		i.Status.Members = []api.InstanceMember{{Name: "db1-1", Role: "primary", Ready: true, FailureDomain: "zone-1"}, {Name: "db1-2", Role: "replica"}}
		i.Status.Conditions = []api.Condition{{Type: "StorageFull", Status: false, LastTransitionTime: now, Message: "Enough left"}}
	})
	h.server.replies["GET /organizations/acme/projects/default/instances/db1/cost"] = api.Cost{Month: "2026-11", Total: chf("1.25"),
		Lines: []api.CostLine{{Item: "compute", Plan: "small", Quantity: "62.5", Unit: "hour", Price: chf("0.02"), Amount: chf("1.25")}}}
	h.server.replies["GET /organizations/acme/projects/default/instances/db1/events"] = api.List[api.Event]{Items: []api.Event{
		{At: now, Kind: "phase", Actor: "ann@acme.example", Message: "Updating: plan small → medium"}}}
	stdout, _ := h.expect(exitDone, "describe", "instance", "db1")
	same(t, stdout, `
Instance:          db1
Where:             acme/default, zone local (kubernetes)
ID:                id-db1
Labels:            app=shop
Created:           2026-11-21 11:57:00 UTC
Phase:             Updating
Message:           Waits for room.
Blocked by:        capacity
Purged at:         2026-11-28 12:00:00 UTC; until then: souk undelete db1
Service:           postgresql, best-effort
Plan:              medium (small is still in force)
Storage:           10 GiB, used 45.0 MiB
Parameters:        work_mem=8MB
Allowed networks:  none: nobody can connect
Protected:         yes
Endpoint:          127.0.0.1:20001
In force:          generation 1 of 2
Revisions:         package 0, plan 0, price list 0, offering 0

Servers
SERVER  ROLE     READY  FAILURE DOMAIN
db1-1   primary  yes    zone-1
db1-2   replica  no     -

Conditions
CONDITION    STATUS  SINCE                    REASON  MESSAGE
StorageFull  false   2026-11-21 12:00:00 UTC  -       Enough left

Cost in 2026-11
ITEM     PLAN   QUANTITY   PRICE     AMOUNT
compute  small  62.5 hour  CHF 0.02  CHF 1.25
total                                CHF 1.25

Last events
AT                       KIND   BY                MESSAGE
2026-11-21 12:00:00 UTC  phase  ann@acme.example  Updating: plan small → medium
`)
}

func TestDescribeService(t *testing.T) {
	h := newTerminal(t)
	stdout, _ := h.expect(exitDone, "services", "postgresql")
	has(t, stdout, "Service:   postgresql (PostgreSQL)", "PLAN    CPU", "scaling           yes", "  in zone geneva  yes      where its storage can", "backup            not yet  in the next version", "work_mem          string", "souk order postgresql NAME")
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 59 * time.Second: "59s", 119 * time.Second: "119s", 2 * time.Minute: "2m",
		119 * time.Minute: "119m", 2 * time.Hour: "2h", 47 * time.Hour: "47h", 48 * time.Hour: "2d", 9000 * time.Hour: "375d",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is shown as %s, want %s", d, got, want)
		}
	}
}

func TestMoney(t *testing.T) {
	for in, want := range map[string]string{"0.02": "+CHF 0.02", "-1.5": "-CHF 1.5", "0.00": "±CHF 0.00", "+3": "+CHF 3"} {
		if got := delta(chf(in)); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}
