package agent_test

import (
	"net/http"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// damage flips a bit in every value of a bucket whose key begins with prefix.
func (m *machine) damage(bucket, prefix string) {
	m.t.Helper()
	db, err := bolt.Open(filepath.Join(m.config.DataDir, "agent.db"), 0o600, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		hurt := make(map[string][]byte)
		_ = b.ForEach(func(key, value []byte) error {
			if len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix {
				value = append([]byte(nil), value...)
				value[len(value)-1] ^= 1
				hurt[string(key)] = value
			}
			return nil
		})
		if len(hurt) == 0 {
			m.t.Fatalf("nothing to damage in %s", bucket)
		}
		for key, value := range hurt {
			if err := b.Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

func TestADamagedOrderIsNamedAndAskedForAgain(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive), wanted("db2", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.awaitState("db2", driver.StateRunning, 1)
	m.Stop()
	lists := m.server.Lists()
	m.damage("desired", "db1")

	m.Start()
	m.server.Await("the list is asked for", func() bool { return m.server.Lists() > lists })
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
	if !m.logged("instance=db1") || !m.logged("cannot be read from disk") {
		t.Error("the log does not name it")
	}
	if n := m.zone.count("remove db1") + m.zone.count("stop db1"); n != 0 {
		t.Error("an instance was touched over a damaged value")
	}
	m.Stop()
	if n := m.server.Lists() - lists; n > 2 { // once more if the damage is met again while the list arrives
		t.Errorf("the list was asked for %d times", n)
	}
}

func TestADamagedReportNeverLeadsToDataMadeAnew(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.Stop()
	m.damage("reported", "db1")
	m.zone.lose("db1")
	m.Start()
	m.server.AwaitFact("the loss is reported", func(f agentapi.Fact) bool { return f.Observation.State == driver.StateFailed })
}

func TestADamagedFactIsReplacedSoThatTheOthersArrive(t *testing.T) {
	m := newMachine(t)
	m.server.Answer(agentapi.PathFacts, 100_000, http.StatusServiceUnavailable, "")
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	eventually(t, "db1 runs", func() bool { return m.logged("state=running") })
	m.Stop()
	m.damage("outbox", "\x00\x00\x00\x00\x00\x00\x00\x01")

	m.Start()
	eventually(t, "the log names it", func() bool { return m.logged("1 of db1") })
	m.server.Recover()
	m.server.Await("both facts arrive", func() bool { return len(m.server.Facts()) == 2 })
	m.awaitState("db1", driver.StateRunning, 1)
}

func TestADamagedTokenOrClockIsLearnedAgain(t *testing.T) {
	m := newMachine(t).Start()
	m.server.AdvanceClock(1)
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.Stop()
	lists := m.server.Lists()
	m.damage("meta", "")
	m.Start()
	m.server.Await("the list is asked for", func() bool { return m.server.Lists() > lists })
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
}
