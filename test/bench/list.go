package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"souk/api"
)

const pageOf = 50

// listPage measures a page of 50 instances out of many, through the HTTP API
// with its authentication, against the same query behind a handler that does
// nothing else; and the filters and a page from deep inside.
func listPage(ctx context.Context, e *env) ([]row, error) {
	p, err := e.plant(ctx, e.sizes.many)
	if err != nil {
		return nil, err
	}
	bare, err := startBare(ctx, e, p)
	if err != nil {
		return nil, err
	}
	defer bare.stop(syscall.SIGKILL)
	souk := &getter{client: &http.Client{Transport: p.transport, Timeout: time.Minute}, url: p.url + "/api/v1/organizations/bench/projects/default/instances", tokens: p.tokens}
	plain := &getter{client: souk.client, url: bare.url}
	if err := souk.warm(ctx); err != nil {
		return nil, err
	}
	if err := sameAnswer(ctx, souk, plain); err != nil {
		return nil, err
	}
	first, err := latencies(ctx, e.sizes.pages, souk, plain, nil)
	if err != nil {
		return nil, err
	}
	throughput, err := throughputs(ctx, e.sizes, souk, plain)
	if err != nil {
		return nil, err
	}
	rows := []row{first.row(fmt.Sprintf("a page of %d, %d instances stored, one client", pageOf, p.size), "bare handler"), throughput}
	for _, v := range variants(p.size) {
		if v.query, err = souk.deep(ctx, v); err != nil {
			return nil, err
		}
		took, err := latencies(ctx, max(e.sizes.pages/2, 1), souk, plain, v.query)
		if err != nil {
			return nil, err
		}
		rows = append(rows, took.row(v.what, "bare handler, plain page"))
	}
	return rows, nil
}

// variant is a listing other than the first page of all.
type variant struct {
	what  string
	query url.Values
	skip  int // pages of 200 to go through before it is measured
}

func variants(size int) []variant {
	one := func(what, key, value string) variant {
		return variant{what: "the same, " + what, query: url.Values{key: {value}}}
	}
	return []variant{
		one("of a phase that all are in", "phase", "Ready"),
		one("of a phase that none is in", "phase", "Failed"),
		one("of a service", "service", "postgresql"),
		one("of a plan that none has", "plan", "large"),
		one("by a label that 1 in 1000 has", "labels", "team=team-7"),
		one("by a label that none has", "labels", "team=nobody"),
		one("by a text that few names have", "q", strconv.Itoa(size-1)),
		one("by a text that none has", "q", "nowhere"),
		one("newest first", "sort", "-createdAt"),
		one("by name", "sort", "name"),
		one("by phase", "sort", "phase"),
		one("latest change first", "sort", "-updatedAt"),
		{what: "the same, from the middle", query: url.Values{}, skip: size / 2 / 200},
	}
}

// deep walks to the page that the variant is about.
func (g *getter) deep(ctx context.Context, v variant) (url.Values, error) {
	v.query.Set("limit", "200")
	for range v.skip {
		raw, err := g.get(ctx, v.query)
		if err != nil {
			return nil, err
		}
		var page api.List[struct{}]
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, err
		}
		if page.Next == "" {
			return nil, fmt.Errorf("a listing ends after fewer pages than it should")
		}
		v.query.Set("cursor", page.Next)
	}
	v.query.Set("limit", strconv.Itoa(pageOf))
	return v.query, nil
}

// getter asks one address, with one token or session after the other.
type getter struct {
	client   *http.Client
	url      string
	tokens   []string // of the API
	sessions []string // of the portal
	turn     atomic.Int64
}

func (g *getter) get(ctx context.Context, query url.Values) ([]byte, error) {
	answer, err := g.open(ctx, query)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// open returns an answer that is good; the caller reads and closes it.
func (g *getter) open(ctx context.Context, query url.Values) (*http.Response, error) {
	address := g.url
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	turn := int(g.turn.Add(1))
	if len(g.tokens) > 0 {
		req.Header.Set("Authorization", "Bearer "+g.tokens[turn%len(g.tokens)])
	}
	if len(g.sessions) > 0 {
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: g.sessions[turn%len(g.sessions)]})
	}
	answer, err := g.client.Do(req)
	if err == nil && answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		err = fmt.Errorf("%s: %s: %s", g.url, answer.Status, body)
	}
	return answer, err
}

// warm lets each token be used once, for that is written down.
func (g *getter) warm(ctx context.Context) error {
	for range g.tokens {
		if _, err := g.get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// sameTries bounds how often answers are compared that changed meanwhile.
const sameTries = 20

// sameAnswer makes sure that the baseline does the same work. What is listed may change
// between two requests, as when a zone's agent falls silent on a busy machine, so that
// only a baseline between two like answers of Souk's is held against them.
func sameAnswer(ctx context.Context, souk, bare *getter) error {
	var before, between, after []byte
	for range sameTries {
		for _, ask := range []struct {
			getter *getter
			into   *[]byte
		}{{souk, &before}, {bare, &between}, {souk, &after}} {
			items, err := ask.getter.items(ctx)
			if err != nil {
				return err
			}
			*ask.into = items
		}
		if bytes.Equal(before, between) {
			return nil
		}
		if bytes.Equal(before, after) {
			break
		}
	}
	return fmt.Errorf("the baseline answers otherwise than Souk:\n%.2000s\n%.2000s", before, between)
}

// items asks for a page of instances and returns them as one and the same form of JSON.
func (g *getter) items(ctx context.Context) ([]byte, error) {
	raw, err := g.get(ctx, nil)
	if err != nil {
		return nil, err
	}
	var page api.List[api.Instance]
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, fmt.Errorf("%s lists nothing", g.url)
	}
	return json.Marshal(page.Items)
}

// pageTimes are latencies of Souk and of the baseline.
type pageTimes struct{ souk, bare samples }

const pageGoal = 15 * time.Millisecond

// row tells of a listing. Where the baseline misses the goal too, the machine was
// too busy to tell whether Souk reaches it.
func (t pageTimes) row(what, baseline string) row {
	v := reached(t.souk.quantile(0.99) < pageGoal)
	if v == missed && t.bare.quantile(0.99) >= pageGoal && t.souk.median() < pageGoal {
		v = undecided
	}
	return row{what: what, measured: t.souk.String(), goal: "p99 < 15 ms", verdict: v,
		baseline: baseline + ": " + t.bare.String(), ratio: "p50 " + times(medianRatio(t.souk, t.bare))}
}

// longestTurn bounds the measurement of one kind of page.
const longestTurn = 15 * time.Second

// latencies takes turns between the two, one request at a time; the query is
// Souk's, the baseline always answers the plain first page.
func latencies(ctx context.Context, n int, souk, bare *getter, query url.Values) (pageTimes, error) {
	var t pageTimes
	for start := time.Now(); len(t.souk) < n && time.Since(start) < longestTurn; {
		for _, m := range []struct {
			getter *getter
			query  url.Values
			into   *samples
		}{{souk, query, &t.souk}, {bare, nil, &t.bare}} {
			began := time.Now()
			if _, err := m.getter.get(ctx, m.query); err != nil {
				return t, err
			}
			*m.into = append(*m.into, time.Since(began))
		}
	}
	return t, nil
}

const clients = 4

// throughputs lets several clients ask as fast as they are answered, Souk and
// the baseline in turns.
func throughputs(ctx context.Context, s sizes, souk, bare *getter) (row, error) {
	var a, b []float64
	for range s.windows {
		for _, m := range []struct {
			getter *getter
			into   *[]float64
		}{{souk, &a}, {bare, &b}} {
			n, err := m.getter.rate(ctx, s.window)
			if err != nil {
				return row{}, err
			}
			*m.into = append(*m.into, n)
		}
	}
	r := medianRatio(a, b)
	return row{what: fmt.Sprintf("the same page, %d clients at once", clients), measured: fmt.Sprintf("%.0f/s", middle(a)), baseline: fmt.Sprintf("bare handler: %.0f/s", middle(b)),
		ratio: times(r), goal: "≥ 0.6 × the throughput", verdict: reached(r >= 0.6)}, nil
}

// rate returns how many requests a second are answered.
func (g *getter) rate(ctx context.Context, window time.Duration) (float64, error) {
	var answered atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	began := time.Now()
	for range clients {
		wg.Go(func() {
			for time.Since(began) < window {
				if _, err := g.get(ctx, nil); err != nil {
					once.Do(func() { failed = err })
					return
				}
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(answered.Load()) / time.Since(began).Seconds(), failed
}
