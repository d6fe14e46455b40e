package main

import (
	"context"
	"fmt"
	"io"
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
	names, err := p.someInstance(ctx)
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
		{"an instance", "/o/bench/p/default/instances/" + names},
		{"order", "/o/bench/order/postgresql"},
		{"members", "/o/bench/members"},
		{"audit log", "/o/bench/audit"},
		{"costs", "/o/bench/costs"},
	}
	var rows []row
	for _, page := range pages {
		g := &pageGetter{client: listing.client, url: p.url + page.path, sessions: sessions}
		if _, err := g.get(ctx); err != nil {
			return nil, err
		}
		took, err := inTurns(ctx, max(e.sizes.pages/2, 1), g, listing)
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

func inTurns(ctx context.Context, n int, page *pageGetter, listing *getter) (t pageTimes, err error) {
	for start := time.Now(); len(t.souk) < n && time.Since(start) < longestTurn; {
		began := time.Now()
		if _, err := page.get(ctx); err != nil {
			return t, err
		}
		t.souk = append(t.souk, time.Since(began))
		began = time.Now()
		if _, err := listing.get(ctx, nil); err != nil {
			return t, err
		}
		t.bare = append(t.bare, time.Since(began))
	}
	return t, nil
}

// pageGetter asks for one page, with one session after the other.
type pageGetter struct {
	client   *http.Client
	url      string
	sessions []string
	turn     int
}

func (g *pageGetter) get(ctx context.Context) ([]byte, error) {
	answer, err := g.open(ctx)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

func (g *pageGetter) open(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return nil, err
	}
	g.turn++
	req.AddCookie(&http.Cookie{Name: sessionCookie, Value: g.sessions[g.turn%len(g.sessions)]})
	answer, err := g.client.Do(req)
	if err == nil && answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		err = fmt.Errorf("%s: %s", g.url, answer.Status)
	}
	return answer, err
}

// sessionCookie is the portal's, where it is not reached over TLS.
const sessionCookie = "souk"
