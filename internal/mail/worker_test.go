package mail

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/clock"
	"souk/internal/envelope"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// post is an outbox with a worker whose mail server says what answer says.
type post struct {
	t      *testing.T
	store  *store.Store
	clock  *clock.Manual
	outbox *Outbox
	log    bytes.Buffer
	answer func(m Mail) error

	mu   sync.Mutex
	sent []Mail
}

func newPost(t *testing.T) *post {
	t.Helper()
	keyring, err := envelope.Create(filepath.Join(t.TempDir(), "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	return &post{
		t: t, store: storetest.New(t), clock: &clock.Manual{}, outbox: &Outbox{Secrets: envelope.New(keyring), PublicURL: "https://souk.example"},
		answer: func(Mail) error { return nil },
	}
}

func (p *post) worker() *Worker {
	return &Worker{Store: p.store, Clock: p.clock, Secrets: p.outbox.Secrets, Sender: p, Logger: slog.New(slog.NewTextHandler(&p.log, nil))}
}

// Send is the mail server.
func (p *post) Send(_ context.Context, m Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return p.answer(m)
}

const secretPath = "/reset?token=souk_secret"

func (p *post) write(to string) {
	p.t.Helper()
	p.system(func(tx store.Tx) error { return p.letter(tx, to) })
}

func (p *post) letter(tx store.Tx, to string) error {
	now := p.clock.Now()
	return p.outbox.Write(p.t.Context(), tx, Letter{To: to, Message: Message{Kind: Reset, Locale: "de", Path: secretPath}, Until: now.Add(time.Hour)}, now)
}

func (p *post) system(f func(tx store.Tx) error) {
	p.t.Helper()
	if err := p.store.System(p.t.Context(), f); err != nil {
		p.t.Fatal(err)
	}
}

// deliver sends all that is due.
func (p *post) deliver() {
	p.t.Helper()
	for w := p.worker(); ; {
		more, err := w.SendDue(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

func (p *post) count(sql string) (n int) {
	p.t.Helper()
	p.system(func(tx store.Tx) error { return tx.QueryRow(p.t.Context(), sql).Scan(&n) })
	return n
}

func TestAMailIsSentOnceAndForgotten(t *testing.T) {
	p := newPost(t)
	p.write("ann@example.org")
	if n := p.count("SELECT count(*) FROM mails WHERE sealed IS NOT NULL AND position('souk_secret'::bytea IN sealed) = 0 AND mails::text NOT LIKE '%souk_secret%'"); n != 1 {
		t.Error("the link can be read while the mail waits")
	}
	p.deliver()
	p.clock.Advance(24 * time.Hour)
	p.deliver()
	if len(p.sent) != 1 || p.sent[0].To != "ann@example.org" || !strings.Contains(p.sent[0].Text, "https://souk.example"+secretPath) || !strings.Contains(p.sent[0].Subject, "Passwort") {
		t.Errorf("sent %+v", p.sent)
	}
	if n := p.count("SELECT count(*) FROM mails WHERE sealed IS NULL AND next_at IS NULL AND sent_at IS NOT NULL"); n != 1 {
		t.Error("the mail is kept after it was sent")
	}
	p.clock.Advance(kept)
	p.system(func(tx store.Tx) error {
		n, err := Sweep(t.Context(), tx, p.clock.Now(), 10)
		if n != 1 {
			t.Errorf("%d mails forgotten", n)
		}
		return err
	})
}

// A change that does not happen sends nothing.
func TestAMailGoesWithItsChange(t *testing.T) {
	p := newPost(t)
	failed := errors.New("failed")
	err := p.store.System(t.Context(), func(tx store.Tx) error {
		if err := p.letter(tx, "ann@example.org"); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	// Tenants' transactions write mails too, and read none.
	tenant := store.Scope{Organizations: []uuid.UUID{uuid.New()}}
	if err := p.store.Tenant(t.Context(), tenant, func(tx store.Tx) error { return p.letter(tx, "bob@example.org") }); err != nil {
		t.Fatal(err)
	}
	err = p.store.Tenant(t.Context(), tenant, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "SELECT recipient FROM mails")
		return err
	})
	if store.ErrorCode(err) != "42501" {
		t.Errorf("a tenant reads mails: %v", err)
	}
	p.deliver()
	if len(p.sent) != 1 || p.sent[0].To != "bob@example.org" {
		t.Errorf("sent %+v", p.sent)
	}
}

func TestAMailServerThatIsAway(t *testing.T) {
	p := newPost(t)
	p.answer = func(Mail) error { return errors.New("connection refused") }
	p.write("ann@example.org")
	p.deliver()
	p.deliver() // not due yet
	for _, wait := range []time.Duration{10, 20, 40} {
		if n := len(p.sent); n == 0 || p.sent[n-1].ID != p.sent[0].ID {
			t.Fatalf("sent %+v", p.sent)
		}
		before := len(p.sent)
		p.clock.Advance(wait*time.Second - time.Microsecond)
		p.deliver()
		p.clock.Advance(time.Microsecond)
		p.deliver()
		if len(p.sent) != before+1 {
			t.Errorf("%d tries after %d s, want one", len(p.sent)-before, wait)
		}
	}
	p.answer = func(Mail) error { return nil }
	p.clock.Advance(80 * time.Second)
	p.deliver()
	if n := p.count("SELECT count(*) FROM mails WHERE sent_at IS NOT NULL AND attempts = 5"); n != 1 {
		t.Error("it was not sent once the server was back")
	}
}

// What cannot be delivered ends, and its content with it.
func TestAMailIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		after time.Duration
	}{
		{"refused for good", &PermanentError{errors.New("550 no such user")}, 0},
		{"of no use any more", errors.New("connection refused"), time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPost(t)
			p.answer = func(Mail) error { return c.err }
			p.write("ann@example.org")
			p.deliver()
			p.clock.Advance(c.after)
			p.deliver()
			p.clock.Advance(24 * time.Hour)
			p.deliver()
			if len(p.sent) != 1 || p.count("SELECT count(*) FROM mails WHERE sealed IS NULL AND next_at IS NULL AND sent_at IS NULL AND last_error <> ''") != 1 {
				t.Errorf("%d tries", len(p.sent))
			}
			if strings.Contains(p.log.String(), "souk_secret") || strings.Contains(p.log.String(), "ann@") {
				t.Errorf("the log tells who was sent what: %s", &p.log)
			}
		})
	}
}

// Replicas that look at the outbox at once send each mail once; what a killed one
// had taken is sent by another, later.
func TestManyWorkersSendEachMailOnce(t *testing.T) {
	p := newPost(t)
	const n = 20
	for range n {
		p.write(uuid.NewString() + "@example.org")
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for w := p.worker(); ; {
				more, err := w.SendDue(t.Context())
				if err != nil {
					t.Error(err)
				}
				if err != nil || !more {
					return
				}
			}
		})
	}
	all.Wait()
	to := map[string]int{}
	for _, m := range p.sent {
		to[m.To]++
	}
	if len(to) != n || len(p.sent) != n {
		t.Errorf("%d mails to %d people, want %d", len(p.sent), len(to), n)
	}
	p.write("killed@example.org")
	killed, kill := context.WithCancel(t.Context())
	p.answer = func(Mail) error { kill(); return context.Canceled }
	if _, err := p.worker().SendDue(killed); err == nil {
		t.Error("a killed worker says that all is well")
	}
	p.answer = func(Mail) error { return nil }
	p.deliver()
	p.clock.Advance(2 * sendWithin)
	p.deliver()
	if len(p.sent) != n+2 {
		t.Errorf("%d tries of the mail whose worker was killed, want 2", len(p.sent)-n)
	}
}

// An address is sent so many mails about one topic and no more, and other topics
// are counted by themselves.
func TestMailsToOneAddressAreLimited(t *testing.T) {
	p := newPost(t)
	for i := range 2 * Most {
		p.write([]string{"ann@example.org", "Ann@Example.org"}[i%2])
	}
	p.write("bob@example.org")
	p.system(func(tx store.Tx) error {
		return p.outbox.Write(t.Context(), tx, Letter{To: "ann@example.org", Message: Message{Kind: PasswordChanged}, Until: p.clock.Now().Add(time.Hour)}, p.clock.Now())
	})
	p.deliver()
	if len(p.sent) != Most+2 {
		t.Errorf("%d mails, want %d of one topic, one of another, and one to somebody else", len(p.sent), Most)
	}
	p.clock.Advance(Within)
	p.write("ann@example.org")
	p.deliver()
	if len(p.sent) != Most+3 {
		t.Error("the limit does not end")
	}
}
