package main

import (
	"context"
	"fmt"
	"time"

	"souk/api/client"
)

// costAndAudit is for information: what an organization's costs so far and the
// audit of all chains take with many instances stored, and what memory the
// control plane then has.
func costAndAudit(ctx context.Context, e *env) ([]row, error) {
	p, err := e.plant(ctx, e.sizes.many)
	if err != nil {
		return nil, err
	}
	bench, err := p.client(p.tokens[0])
	if err != nil {
		return nil, err
	}
	operator, err := p.client(p.Demo.Tokens["operator"])
	if err != nil {
		return nil, err
	}
	before, err := pss(p.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	var took samples
	for range 3 {
		began := time.Now()
		if _, err := bench.Organization("bench").Cost(ctx, ""); err != nil {
			return nil, fmt.Errorf("ask for the costs: %w", err)
		}
		took = append(took, time.Since(began))
	}
	report, err := reports(ctx, bench.Organization("bench"))
	if err != nil {
		return nil, fmt.Errorf("ask for the costs by service: %w", err)
	}
	began := time.Now()
	audit, err := operator.Operator().AuditSegments(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	audited := time.Since(began)
	if len(audit.Differences) > 0 {
		return nil, fmt.Errorf("what was seeded does not hold: %+v", audit.Differences[0])
	}
	after, err := pss(p.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: fmt.Sprintf("costs of an organization with %d instances", p.size), measured: seconds(took.median())},
		{what: "the same on the page of costs: by service, with its forecast", measured: seconds(report.median())},
		{what: fmt.Sprintf("audit of %d chains: %d commands, %d facts, %d segments", audit.Instances, audit.Commands, audit.Facts, audit.Segments), measured: seconds(audited)},
		{what: fmt.Sprintf("memory of souk serve with %d instances stored", p.size), measured: fmt.Sprintf("%s; after costs and audit %s", mebibytes(before), mebibytes(after))},
	}, nil
}

// reports asks for what the page of costs shows.
func reports(ctx context.Context, o *client.Organization) (took samples, err error) {
	for range 3 {
		began := time.Now()
		if _, err := o.CostReport(ctx, client.CostOptions{}); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
