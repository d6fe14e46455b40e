package probe_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	random "math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souk/internal/agent/probe"
	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// targetsEnv has this program be the simulated targets instead.
const targetsEnv = "SOUK_PROBE_TARGETS"

func TestMain(m *testing.M) {
	if os.Getenv(targetsEnv) != "" {
		if err := serveTargets(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveTargets answers lines over TLS as many servers would: the first line of a
// connection names the target, the others are answered. Lines at standard input say of
// a target that it "serves", "refuses" or "hangs".
func serveTargets() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	form := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"target"}}
	made, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{made}, PrivateKey: key}}})
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	var mu sync.Mutex
	changed := sync.NewCond(&mu)
	ways := map[string]string{}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				name, _ := in.ReadString('\n')
				for {
					if _, err := in.ReadString('\n'); err != nil {
						return
					}
					mu.Lock()
					for ways[name] == "hangs" {
						changed.Wait() // what was asked is answered then, as by a process that was stopped
					}
					refuses := ways[name] == "refuses"
					mu.Unlock()
					if refuses {
						return
					}
					if _, err := io.WriteString(c, "ok\n"); err != nil {
						return
					}
				}
			}()
		}
	}()
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		way, name, _ := strings.Cut(orders.Text(), " ")
		mu.Lock()
		ways[name+"\n"] = way
		changed.Broadcast()
		mu.Unlock()
		fmt.Println("done")
	}
	return nil
}

// targets are the simulated servers, in a process of their own.
type targets struct {
	address string
	in      io.Writer
	out     *bufio.Reader
	mu      sync.Mutex
}

func startTargets(b *testing.B) *targets {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), targetsEnv+"=1"), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	s := &targets{in: in, out: bufio.NewReader(out)}
	address, err := s.out.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	s.address = strings.TrimSpace(address)
	return s
}

// is has a target be so, and returns when it was.
func (s *targets) is(way, name string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintf(s.in, "%s %s\n", way, name); err != nil {
		return time.Time{}, err
	}
	_, err := s.out.ReadString('\n')
	return time.Now(), err
}

// Probe tries a target as PostgreSQL and Redis are tried: reads and writes on a
// connection that is kept, and new ones.
func (s *targets) Probe(_ context.Context, want driver.Instance) (*driver.Probe, error) {
	dial := func(ctx context.Context) (*tls.Conn, error) {
		c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(c, want.ID+"\n")
		return c.(*tls.Conn), err
	}
	end := func(_ context.Context, c *tls.Conn) { c.Close() }
	kept := driver.Keep(dial, func(*tls.Conn) bool { return false }, end)
	ask := func(ctx context.Context) func(*tls.Conn) error {
		return func(c *tls.Conn) error {
			until, _ := ctx.Deadline()
			if err := c.SetDeadline(until); err != nil {
				return err
			}
			defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
			if _, err := io.WriteString(c, "ask\n"); err != nil {
				return err
			}
			var answer [3]byte
			_, err := io.ReadFull(c, answer[:])
			return err
		}
	}
	keeping := func(ctx context.Context) error { return kept.Try(ctx, ask(ctx)) }
	return &driver.Probe{
		Checks: []driver.ProbeCheck{
			{Name: "read", Every: time.Second, Timeout: 5 * time.Second, Try: keeping},
			{Name: "connect", Every: 10 * time.Second, Timeout: 10 * time.Second, Try: func(ctx context.Context) error { return kept.TryNew(ctx, ask(ctx)) }},
			{Name: "write", Every: 30 * time.Second, Timeout: 10 * time.Second, Try: keeping},
		},
		Close: func() { kept.Close(context.Background()) },
	}, nil
}

// outage is what a target is made to do, and for how long.
type outage struct {
	way  string
	last time.Duration
}

// outages of known length, each of a target of its own. One that hangs for less than a
// try may take is answered in time, and nobody can tell.
var outages = []outage{
	{"refuses", 2 * time.Second}, {"refuses", 3 * time.Second}, {"refuses", 5 * time.Second}, {"refuses", 8 * time.Second}, {"refuses", 13 * time.Second}, {"refuses", 21 * time.Second}, {"refuses", 34 * time.Second},
	{"hangs", 7 * time.Second}, {"hangs", 9 * time.Second}, {"hangs", 13 * time.Second}, {"hangs", 21 * time.Second}, {"hangs", 34 * time.Second},
}

// broken is an outage as its target had it.
type broken struct {
	name, way string
	from, to  time.Time
}

// BenchmarkProbing is a real prober with 1,000 simulated targets in another process:
// what it takes over a minute, and how far off it tells outages of known length.
func BenchmarkProbing(b *testing.B) {
	const many, settle, window = 1000, 15 * time.Second, time.Minute
	for b.Loop() {
		servers := startTargets(b)
		records, ids := cached(b, many)
		before := memory(b)
		p := probe.New(probe.Options{Driver: servers, Store: records, Now: time.Now, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		pause(settle) // all have been tried
		used, began := processor(b), time.Now()
		had := inject(b, servers, ids, window)
		b.ReportMetric((processor(b)-used).Seconds()/time.Since(began).Seconds()*100, "%-of-a-core")
		b.ReportMetric(float64(memory(b)-before)/many/1024, "KiB/instance")
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		compare(b, records, had)
	}
}

func pause(d time.Duration) { <-time.After(d) }

// cached returns an agent's records of instances that run.
func cached(b *testing.B, many int) (*store.Store, []string) {
	b.Helper()
	records, err := store.Open(store.Options{Dir: b.TempDir(), BootID: "boot", Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { records.Close() })
	if err := records.Begin("zone", 1); err != nil {
		b.Fatal(err)
	}
	ids, events := make([]string, many), make([]agentapi.DesiredEvent, many)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08x-0000-4000-8000-000000000000", uint32(i)*2654435761)
		events[i].Instance = &agentapi.Desired{Name: "acme/default/db", Intent: agentapi.IntentActive, AcceptedAt: time.Now().UTC(), Instance: driver.Instance{ID: ids[i], Service: "simulated", Generation: 1, HeldData: true}}
	}
	listing := store.Listing(true)
	if _, err := records.Apply(events, &listing); err != nil {
		b.Fatal(err)
	}
	outcomes := make([]<-chan error, many)
	for i, id := range ids {
		outcomes[i] = records.Report(id, driver.Observation{State: driver.StateRunning, Generation: 1}, time.Time{})
	}
	for _, done := range outcomes {
		if err := records.Wait(done); err != nil {
			b.Fatal(err)
		}
	}
	return records, ids
}

// inject has three targets of each kind fail at random moments of the window, and
// returns when it is over.
func inject(b *testing.B, servers *targets, ids []string, window time.Duration) []broken {
	var mu sync.Mutex
	var all []broken
	var failing sync.WaitGroup
	moments := random.New(random.NewPCG(1, 2))
	for i, o := range slices.Repeat(outages, 3) {
		wait := time.Duration(moments.Int64N(int64(window - o.last - 15*time.Second)))
		failing.Go(func() {
			is := broken{name: ids[i], way: o.way}
			pause(wait)
			var err, other error
			is.from, err = servers.is(o.way, is.name)
			pause(o.last)
			is.to, other = servers.is("serves", is.name)
			if err := errors.Join(err, other); err != nil {
				b.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, is)
		})
	}
	pause(window)
	failing.Wait()
	return all
}

// compare holds what was told against what there was.
func compare(b *testing.B, records *store.Store, had []broken) {
	b.Helper()
	facts, err := records.Facts(1 << 20)
	if err != nil {
		b.Fatal(err)
	}
	told := map[string][]agentapi.SLISpan{}
	for _, f := range facts {
		if f.SLI == nil || f.SLI.State != agentapi.SLIDown {
			continue
		}
		spans := told[f.InstanceID]
		if n := len(spans); n > 0 && spans[n-1].To.Equal(f.SLI.From) {
			spans[n-1].To = f.SLI.To
			continue
		}
		told[f.InstanceID] = append(spans, *f.SLI)
	}
	worst := map[string]time.Duration{}
	var wrong int
	for _, is := range had {
		spans := told[is.name]
		delete(told, is.name)
		if len(spans) != 1 {
			b.Logf("%s for %s: told as %v", is.way, is.to.Sub(is.from), spans)
			wrong++
			continue
		}
		for _, edge := range []time.Duration{spans[0].From.Sub(is.from).Abs(), spans[0].To.Sub(is.to).Abs()} {
			worst[is.way] = max(worst[is.way], edge)
		}
	}
	b.ReportMetric(float64(len(had)), "outages")
	b.ReportMetric(float64(wrong+len(told)), "outages-not-told-or-made-up")
	b.ReportMetric(worst["refuses"].Seconds()*1000, "ms-off-where-refused")
	b.ReportMetric(worst["hangs"].Seconds()*1000, "ms-off-where-hung")
}

// processor is what this process has used of it.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory is what this process holds of it, in bytes.
func memory(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
