package main

import (
	"context"
	"fmt"
	"time"

	"souk/api"
	"souk/api/client"
)

// dispatch measures the time from an accepted order, by the record, to the
// moment at which the zone's agent has the driver begin. Orders go through the
// HTTP API, agents listen on the zones' listener; what differs between the two
// plants, which take turns, is how many instances lie idle.
func dispatch(ctx context.Context, e *env) ([]row, error) {
	few, err := e.plant(ctx, e.sizes.few)
	if err != nil {
		return nil, err
	}
	many, err := e.plant(ctx, e.sizes.many)
	if err != nil {
		return nil, err
	}
	var fast, slow, own samples
	for i := range e.sizes.orders {
		name := fmt.Sprintf("measured-%d", i)
		for _, m := range []struct {
			plant *plant
			token string
			org   string
			into  *samples
		}{
			{few, few.Demo.Tokens["acme"], "acme", &fast},
			{many, many.Demo.Tokens["acme"], "acme", &slow},
			{many, many.tokens[i%len(many.tokens)], "bench", &own},
		} {
			took, err := m.plant.dispatchOne(ctx, m.token, m.org, name)
			if err != nil {
				return nil, err
			}
			*m.into = append(*m.into, took)
		}
	}
	p99, base := slow.quantile(0.99), fast.quantile(0.99)
	return []row{
		{what: fmt.Sprintf("order accepted → agent begins, %d idle instances", many.size), measured: slow.String(),
			baseline: fmt.Sprintf("with %d: %s", few.size, fast), ratio: fmt.Sprintf("p50 %s, p99 %s", times(ratio(slow.median(), fast.median())), times(ratio(p99, base))),
			goal: "p99 < 250 ms, the same with both (p50 within 1.5 ×)", verdict: reached(p99 < 250*time.Millisecond && slow.median() < fast.median()*3/2)},
		{what: fmt.Sprintf("the same, ordered by the organization that has the %d", many.size), measured: own.String(), baseline: fmt.Sprintf("with %d: %s", few.size, fast), ratio: "p50 " + times(ratio(own.median(), fast.median())),
			goal: "p99 < 250 ms", verdict: reached(own.quantile(0.99) < 250*time.Millisecond)},
		{what: fmt.Sprintf("a new agent's first listing and look at %d instances", many.size), measured: seconds(many.listed)},
	}, nil
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// orderPatience bounds the wait for one order to be begun, on however busy a machine.
const orderPatience = 5 * time.Minute

func (p *plant) dispatchOne(ctx context.Context, token, organization, name string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, orderPatience)
	defer cancel()
	c, err := p.client(token)
	if err != nil {
		return 0, err
	}
	order := api.InstanceOrder{Spec: api.InstanceSpec{Service: "postgresql", Zone: "simulated", Plan: "small"}}
	order.Metadata.Name = name
	i, err := c.Organization(organization).Project("default").Order(ctx, order)
	if err != nil {
		return 0, fmt.Errorf("order: %w", err)
	}
	for {
		select {
		case b := <-p.zone.begun:
			if b.id == i.Metadata.ID {
				return b.at.Sub(i.Metadata.CreatedAt), nil
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("the agent does not begin with %s: %w", name, context.Cause(ctx))
		}
	}
}

// client returns the one client of a token, which keeps its connections.
func (p *plant) client(token string) (*client.Client, error) {
	if c := p.clients[token]; c != nil {
		return c, nil
	}
	c, err := client.New(p.url, client.WithToken(token), client.WithHTTPTransport(p.transport))
	if err == nil {
		p.clients[token] = c
	}
	return c, err
}
