package main

const preface = `# Benchmarks

How fast Souk is, beside the speeds that it is meant to reach. Nothing fails when
a goal is missed: a timed test tells more about the machine than about the
program. What was missed says so here.
`

const explanation = `
## How to read it

Run it with ` + "`make bench`" + `, or one part with ` + "`go run ./test/bench -run list`" + ` (order, start,
backup, pass, probe, dispatch, list, cost, invoices, usage, portal, dashboard). It needs root for what an ordinary ` + "`souk dev`" + ` as root does,
uses this machine only, and removes what it made.

- Souk and its baseline take turns, and the ratio is the median of the ratios of such
  pairs: what else the machine does touches both. On a machine that is shared with
  other work, trust ratios more than times.
- **order**: one order through the API of ` + "`souk dev`" + ` with the process driver, until a client
  that verifies the server's certificate has its first row; against
  [by-hand.sh](../test/bench/by-hand.sh), which does the same with initdb (checksums, fsync),
  a certificate of its own, SCRAM, an owner role and a log-in, and the same client.
- **start**: memory is each process's proportional share (PSS).
- **backup**: by pgBackRest with the same settings on both sides, to an object store of the
  same program. A backup is taken within the instance's plan, here a quarter of a core, and
  so is the one by hand; what a restore takes is not limited on either side.
- **pass**: the agent's own benchmark in internal/agent/reconcile, with ` + "`-cpu 1`" + `.
- **probe**: the real prober, with 1000 simulated servers in another process that answer over
  TLS, and some of them made to refuse or to hang for a known time. What a server takes is
  of a real one that nobody uses, with the agent at work and with the agent stopped; figures
  are taken by the agent, too.
- **dispatch**: from the order's acceptance, as the record has it, until the agent has the
  driver begin. The API, the zones' listener and the agent are the real ones; the
  idle instances lie in a zone marked simulated, on the driver that runs nothing. Two
  such set-ups run side by side and take turns.
- **list**: through the API with its authentication, limits and row-level security, all
  instances in one project; against a handler that runs the same SQL as the same role
  and writes the same documents, and does nothing else ([bare.go](../test/bench/bare.go)).
  "Undecided" stands where Souk misses the goal in a run in which the bare handler, whose
  work is the least that can be done, misses it too: the machine was too busy to tell.
  A search by a part of a name reads the whole project: under row-level security no index
  can serve it.
- **portal**: pages of the organization that all instances belong to, asked for one after
  the other by its owners. The costs of 100,000 instances are rated when they are looked at;
  the overview does not wait for them. Weight, paint and layout shift are what headless
  Chromium tells of a first look, with an empty cache.
- **cost** is for information. Seeds in bulk go in with constraints and triggers off, for
  speed; the audit recomputes every billing chain of them and must find no difference.
  Up to 1000 the same statements run with all constraints on, as in this program's test.
- **invoices**: runs of a month in this program, by two at a time as two control planes do,
  on a record made as ` + "`souk dev`" + ` makes it; each instance has two lines. Documents are apart:
  they are made after an invoice is posted, and keep none. Growth is of twelve months in a
  row, in each of which every instance has another link of its chain.
- **usage**: from the JSON of CloudEvents on, 1000 events a transaction, two senders with 500
  instances each, each of which is told of every three minutes; without HTTP. The baseline
  copies the same rows, as many a transaction, into a table with the same key and indexes,
  and adds nothing up.
`
