package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"souk/api"
	"souk/api/client"
)

// portalPages measures the pages that people see, as a member of the
// organization that all of the instances belong to.
func portalPages(ctx context.Context, e *env) ([]row, error) {
	p, err := e.plant(ctx, e.sizes.many)
	if err != nil {
		return nil, err
	}
	sessions, err := p.sessions(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := pageServerTimes(ctx, e, p, sessions)
	if err != nil {
		return nil, err
	}
	loads, err := firstLoads(ctx, e, p, sessions[0])
	if err != nil {
		return nil, fmt.Errorf("load pages in a browser: %w", err)
	}
	streams, err := openStreams(ctx, e, p, sessions)
	if err != nil {
		return nil, fmt.Errorf("open streams: %w", err)
	}
	return append(append(rows, loads...), streams...), nil
}

// sessions logs the owners of the organization bench in.
func (p *plant) sessions(ctx context.Context) ([]string, error) {
	var secrets []string
	for _, email := range benchOwners {
		c, err := client.New(p.url, client.WithHTTPTransport(p.transport))
		if err != nil {
			return nil, err
		}
		begun, err := c.Login(ctx, api.LoginRequest{Email: email, Password: p.Demo.Password})
		if err != nil {
			return nil, fmt.Errorf("log in: %w", err)
		}
		secrets = append(secrets, begun.Token)
	}
	return secrets, nil
}

const serverGoal = 25 * time.Millisecond

// pageServerTimes measures how long the server takes for each page, in turns
// with the listing that the API serves for the list of instances.
func pageServerTimes(ctx context.Context, e *env, p *plant, sessions []string) ([]row, error) {
	name, err := p.someInstance(ctx)
	if err != nil {
		return nil, err
	}
	listing := &getter{client: &http.Client{Transport: p.transport, Timeout: time.Minute}, url: p.url + "/api/v1/organizations/bench/projects/default/instances", tokens: p.tokens}
	pages := []struct{ what, path string }{
		{"home", "/"},
		{"catalog", "/catalog"},
		{"a service", "/catalog/postgresql"},
		{"log-in", "/login"},
		{"overview of the organization", "/o/bench"},
		{"list of instances", "/o/bench/instances"},
		{"an instance", "/o/bench/p/default/instances/" + name},
		{"order", "/o/bench/order/postgresql"},
		{"members", "/o/bench/members"},
		{"audit log", "/o/bench/audit"},
		{"costs", "/o/bench/costs"},
	}
	var rows []row
	for _, page := range pages {
		g := &getter{client: listing.client, url: p.url + page.path, sessions: sessions}
		if _, err := g.get(ctx, nil); err != nil {
			return nil, err
		}
		took, err := latencies(ctx, max(e.sizes.pages/2, 1), g, listing, nil)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{what: fmt.Sprintf("server time of the page: %s; %d instances stored", page.what, p.size),
			measured: fmt.Sprintf("p50 %s, p95 %s", millis(took.souk.median()), millis(took.souk.quantile(0.95))),
			baseline: "a list page of the API: p50 " + millis(took.bare.median()), ratio: "p50 " + times(medianRatio(took.souk, took.bare)),
			goal: "p95 < 25 ms", verdict: reached(took.souk.quantile(0.95) < serverGoal)})
	}
	return rows, nil
}

func (p *plant) someInstance(ctx context.Context) (string, error) {
	c, err := p.client(p.tokens[0])
	if err != nil {
		return "", err
	}
	page, err := c.Organization("bench").Project("default").InstancesPage(ctx, client.ListOptions{}, 1, "")
	if err != nil || len(page.Items) == 0 {
		return "", fmt.Errorf("find an instance: %d, %w", len(page.Items), err)
	}
	return page.Items[0].Metadata.Name, nil
}

// sessionCookie is the portal's, where it is not reached over TLS.
const sessionCookie = "souk"
