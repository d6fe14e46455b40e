package store

import (
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agent/counters"
	"souk/internal/agentapi"
)

var traffic = counters.Key{Instance: "db1", Meter: "traffic-out"}

func used(from, to int, quantity int64) counters.Used {
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	return counters.Used{From: at(from), To: at(to), Quantity: quantity}
}

// told are the quantities of the facts of usage in the outbox.
func told(t *testing.T, s *Store) (all []int64) {
	t.Helper()
	facts, err := s.Facts(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Usage != nil && f.InstanceID == traffic.Instance && f.Usage.Meter == traffic.Meter {
			all = append(all, f.Usage.Quantity)
		}
	}
	return all
}

// What is reported and the account of it are kept together; what is left of an instance
// that is removed is reported with that, and nothing of it afterwards.
func TestAccountsOfCounters(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, options(dir))
	apply(t, s, true, order("db1", 1, agentapi.IntentActive))
	is := counters.Account{At: start, Run: "a", Value: 10, Debt: 2, Open: []counters.Used{used(0, 5, 3)}}
	reports := []counters.Report{{Key: traffic, Used: []counters.Used{used(-60, 0, 7)}, Account: is}, {Key: counters.Key{Instance: "gone", Meter: "m"}, Account: is}}
	if err := s.ReportUsage(reports); err != nil {
		t.Fatal(err)
	}
	s.Close()
	later := options(dir)
	later.Now = func() time.Time { return start.Add(time.Hour) }
	s = reopen(t, later)
	known, damaged, err := s.Accounts()
	if err != nil || len(known) != 1 || len(damaged) != 0 || known[traffic].Value != 10 || known[traffic].Debt != 2 || len(known[traffic].Open) != 1 {
		t.Errorf("%+v, %v, %v", known, damaged, err)
	}
	if !s.Began().Equal(timestamp(start)) {
		t.Errorf("accounts are kept since %s", s.Began())
	}
	if got := told(t, s); len(got) != 1 || got[0] != 7 {
		t.Errorf("told %v", got)
	}
	work, err := s.Load("db1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ReportGone(work.Desired); err != nil {
		t.Fatal(err)
	}
	if err := s.ReportUsage(reports[:1]); err != nil {
		t.Fatal(err)
	}
	if got := told(t, s); len(got) != 2 || got[1] != 3 {
		t.Errorf("told %v", got)
	}
	if known, _, err := s.Accounts(); err != nil || len(known) != 0 {
		t.Errorf("%+v, %v", known, err)
	}
}

// An account that cannot be read is said to be so.
func TestDamagedAccount(t *testing.T) {
	s := reopen(t, options(t.TempDir()))
	apply(t, s, true, order("db1", 1, agentapi.IntentActive))
	if err := s.ReportUsage([]counters.Report{{Key: traffic}}); err != nil {
		t.Fatal(err)
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketCounters)).Put(accountKey(traffic), []byte("nonsense"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if known, damaged, err := s.Accounts(); err != nil || len(known) != 0 || !damaged[traffic] {
		t.Errorf("%v, %v, %v", known, damaged, err)
	}
}

// Moments of before Souk's clock was moved are told as it said then.
func TestSoukTimeOfBefore(t *testing.T) {
	now := start
	o := options(t.TempDir())
	o.Now = func() time.Time { return now }
	s := reopen(t, o)
	for n := range 2 {
		now = start.Add(time.Duration(n+1) * time.Minute)
		if err := s.RaiseOffset(time.Duration(n+1) * time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for after, offset := range map[time.Duration]time.Duration{0: 0, 59 * time.Second: 0, time.Minute: time.Hour, 90 * time.Second: time.Hour, 2 * time.Minute: 2 * time.Hour, time.Hour: 2 * time.Hour} {
		if got, want := s.SoukTime(start.Add(after)), timestamp(start.Add(after+offset)); !got.Equal(want) {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}
