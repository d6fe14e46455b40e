package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api/client"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// plant is a whole Souk with a number of idle instances stored, which all belong
// to the project bench/default and are in the zone `simulated`: a record, a
// replica of the control plane, and the zone's agent.
type plant struct {
	*record
	*replica
	zone   *zone
	size   int
	tokens []string      // of the organization bench; each may ask 50 times a second
	listed time.Duration // how long the agent took for its first listing

	transport *http.Transport
	clients   map[string]*client.Client // by token
}

// manyTokens share what the limit on requests for each token would refuse.
const manyTokens = 100

// plant returns the plant of that size, which stays until the run ends.
func (e *env) plant(ctx context.Context, size int) (*plant, error) {
	if p := e.plants[size]; p != nil {
		return p, nil
	}
	began := time.Now()
	p := &plant{size: size, transport: &http.Transport{MaxIdleConnsPerHost: 64}, clients: map[string]*client.Client{}}
	if err := p.setUp(ctx, e, filepath.Join(e.dir, strconv.Itoa(size))); err != nil {
		p.close()
		return nil, fmt.Errorf("set up %d instances: %w", size, err)
	}
	e.plants[size] = p
	e.say("%d idle instances are stored (after %s; of that the agent's first listing and look at each: %s)", size, time.Since(began).Round(time.Second), p.listed.Round(time.Millisecond))
	return p, nil
}

func (p *plant) setUp(ctx context.Context, e *env, dir string) (err error) {
	if p.record, err = startRecord(ctx, e, dir); err != nil {
		return err
	}
	if p.replica, err = startReplica(ctx, e, filepath.Join(e.dir, filepath.Base(dir)+"-serve"), p.config()); err != nil {
		return err
	}
	if err := p.bench(ctx); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.superuser())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, zoneSQL); err != nil {
		return fmt.Errorf("make the zone: %w", err)
	}
	z, id, err := enrolZone(ctx, p.replica, filepath.Join(e.dir, filepath.Base(dir)+"-agent"))
	if err != nil {
		return err
	}
	ids, err := seed(ctx, conn, p.keyring, p.size, id.Epoch)
	if err != nil {
		return err
	}
	if err := z.adopt(ctx, id, ids); err != nil {
		return fmt.Errorf("have the agent know the instances: %w", err)
	}
	p.zone = z
	began := time.Now()
	z.start(context.WithoutCancel(ctx))
	if err := z.settled(ctx); err != nil {
		return err
	}
	p.listed = time.Since(began)
	return p.orderable(ctx)
}

// orderable returns once the zone's agent has told what can be ordered there.
func (p *plant) orderable(ctx context.Context) error {
	c, err := p.client(p.tokens[0])
	if err != nil {
		return err
	}
	return await(ctx, func() string { return "nothing can be ordered" }, func(ctx context.Context) (bool, error) {
		n, err := orderable(ctx, c)
		return n > 0, err
	})
}

// benchOwners own the organization bench; the limits on requests and streams of
// each person would refuse what one of them alone asks for.
var benchOwners = func() (emails []string) {
	for i := range 20 {
		emails = append(emails, fmt.Sprintf("owner%d@bench.example", i))
	}
	return emails
}()

// bench makes the organization that everything stored belongs to.
func (p *plant) bench(ctx context.Context) error {
	s := tenancy.Seed{Name: "bench", Kinds: []string{"customer"}, TimeZone: "Europe/Zurich", Projects: []string{"default"}}
	for _, email := range benchOwners {
		s.Members = append(s.Members, tenancy.SeedMember{Email: email, Name: "Owner", Password: p.Demo.Password, Role: "owner"})
	}
	for i := range manyTokens {
		p.tokens = append(p.tokens, tenancy.NewSecret())
		s.Tokens = append(s.Tokens, tenancy.SeedToken{Name: "bench-" + strconv.Itoa(i), Role: "owner", Secret: p.tokens[i], Days: 1})
	}
	st, err := store.Open(ctx, p.config())
	if err != nil {
		return err
	}
	defer st.Close()
	return st.System(ctx, func(tx store.Tx) error {
		_, err := s.Plant(ctx, tx, time.Now().UTC())
		return err
	})
}

// close stops the parts, the last first.
func (p *plant) close() {
	var err error
	if p.zone != nil {
		err = p.zone.stopped()
	}
	if p.replica != nil {
		_ = p.replica.stop(syscall.SIGTERM)
	}
	if p.record != nil {
		p.record.stop()
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Println("bench: the agent ended with:", err)
	}
}
