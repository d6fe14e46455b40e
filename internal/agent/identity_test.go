package agent_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souk/internal/agent"
	"souk/internal/agent/agenttest"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

func TestEnrolmentIsRepeatedSafely(t *testing.T) {
	t.Run("while the control plane is away", func(t *testing.T) {
		m := newMachine(t)
		m.server.GoAway()
		m.Start()
		eventually(t, "the agent has tried", func() bool { return m.logged("could not enrol yet") })
		m.server.ComeBack()
		m.server.Await("it has enrolled", func() bool { return m.server.Issued() == 1 })
	})
	t.Run("after the answer was lost", func(t *testing.T) {
		m := newMachine(t).Start()
		m.server.Await("it has enrolled", func() bool { return len(m.server.Hellos()) == 1 })
		m.Stop()
		// Back to the moment after the request: the key is there, the answer is not.
		m.forgetAnswer()
		m.Start()
		m.server.Await("it has enrolled again", func() bool { return len(m.server.Hellos()) == 2 })
		if m.server.Epoch() != 1 {
			t.Errorf("epoch %d, want the same as before", m.server.Epoch())
		}
	})
	t.Run("not with a token that was spent elsewhere", func(t *testing.T) {
		m := newMachine(t).Start()
		m.server.Await("it has enrolled", func() bool { return m.server.Issued() == 1 })
		m.Stop()
		other := *m
		other.config.DataDir = t.TempDir()
		other.Start()
		mustSay(t, other.Ended(), "has been used already", "souk zone enrol")
	})
	t.Run("not without a token", func(t *testing.T) {
		m := newMachine(t)
		m.config.EnrolTokenFile = filepath.Join(t.TempDir(), "absent")
		m.Start()
		mustSay(t, m.Ended(), "no token", "souk zone enrol", m.config.EnrolTokenFile)
	})
}

func TestTheIdentityIsReadableByItsOwnerOnly(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Await("it has enrolled", func() bool { return len(m.server.Hellos()) == 1 })
	m.Stop()
	err := filepath.WalkDir(m.config.DataDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(m.log.String(), "token-1") || strings.Contains(m.log.String(), "PRIVATE KEY") {
		t.Error("a secret is in the log")
	}
}

func TestTheCertificateIsRenewedBeforeItExpires(t *testing.T) {
	c := new(clock)
	m := newMachineAt(t, c, agenttest.Options{Now: c.Now, Life: 3 * time.Hour})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	if m.server.Issued() != 1 {
		t.Fatalf("%d certificates were issued, want 1", m.server.Issued())
	}
	for renewed := 2; renewed < 5; renewed++ {
		c.Move(2*time.Hour + time.Minute)
		m.server.Await("it is renewed", func() bool { return m.server.Issued() == renewed })
	}
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
	m.Restart()
	m.server.Want(wanted("db1", 3, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 3)
}

func TestAnExpiredCertificateHasAWayBack(t *testing.T) {
	c := new(clock)
	m := newMachineAt(t, c, agenttest.Options{Now: c.Now, Life: time.Hour})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.Stop()
	c.Move(30 * 24 * time.Hour)
	m.Start()
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
	if m.server.Epoch() != 1 {
		t.Errorf("epoch %d, want 1", m.server.Epoch())
	}
}

func TestARotationWhoseAnswerIsLostIsRepeated(t *testing.T) {
	for name, away := range map[string]time.Duration{"at once": 0, "after the certificate in use has expired": 30 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := new(clock)
			m := newMachineAt(t, c, agenttest.Options{Now: c.Now, Life: time.Hour})
			m.Start()
			m.server.Await("it runs", func() bool { return len(m.server.Hellos()) == 1 })
			m.server.LoseAnswers(agentapi.PathRotate, 1)
			c.Move(50 * time.Minute)
			m.server.Await("a certificate is issued", func() bool { return m.server.Issued() >= 2 })
			m.Stop()
			c.Move(away)
			m.Start()
			m.server.Want(wanted("db1", 1, agentapi.IntentActive))
			m.awaitState("db1", driver.StateRunning, 1)
		})
	}
}

func TestTheTokenComesFromAFileOrStandardInput(t *testing.T) {
	t.Run("a file that the environment names", func(t *testing.T) {
		m := newMachine(t)
		t.Setenv(agent.EnvEnrolTokenFile, m.config.EnrolTokenFile)
		m.config.EnrolTokenFile = ""
		m.Start()
		m.server.Await("it has enrolled", func() bool { return m.server.Issued() == 1 })
	})
	t.Run("standard input", func(t *testing.T) {
		m := newMachine(t)
		m.config.EnrolTokenFile = "-"
		m.stdin = strings.NewReader(m.server.Token() + "\n")
		m.Start()
		m.server.Await("it has enrolled", func() bool { return m.server.Issued() == 1 })
	})
}

func TestARefusedCertificateIsReplacedByAToken(t *testing.T) {
	c := new(clock)
	m := newMachineAt(t, c, agenttest.Options{Now: c.Now, Life: time.Hour})
	m.Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.server.Answer(agentapi.PathRotate, 1000, 403, "unknown")
	c.Move(2 * time.Hour)
	eventually(t, "the agent says what to do", func() bool { return m.logged("does not accept this agent's certificate") })

	before := m.zone.count("ensure db1")
	m.zone.events <- "db1"
	eventually(t, "it goes on looking after instances", func() bool { return m.zone.count("ensure db1") > before })

	m.newToken()
	m.server.Await("it has enrolled anew", func() bool { return m.server.Epoch() == 2 })
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
}

func TestASupersededAgentStopsAndSaysWhatToDo(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	m.server.Supersede()
	err := m.Ended()
	if !errors.Is(err, agent.ErrSuperseded) {
		t.Fatalf("ended with %v", err)
	}
	mustSay(t, err, "another agent", "left them all as they were", "souk zone enrol", m.config.EnrolTokenFile)
	if len(m.zone.ids()) != 1 {
		t.Error("an instance was stopped")
	}

	before := m.zone.count("ensure db1")
	m.Start()
	if err := m.Ended(); !errors.Is(err, agent.ErrSuperseded) {
		t.Fatalf("started again, it ended with %v", err)
	}
	if m.zone.count("ensure db1") != before {
		t.Error("started again, it worked on an instance beside the other agent")
	}

	m.newToken()
	m.Start()
	m.server.Want(wanted("db1", 2, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 2)
	if m.server.Epoch() != 3 {
		t.Errorf("epoch %d, want 3", m.server.Epoch())
	}
}

func TestASecondAgentOnOneFolderIsRefused(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Await("it runs", func() bool { return len(m.server.Hellos()) == 1 })
	second := *m
	second.Start()
	mustSay(t, second.Ended(), "already running", m.config.DataDir, "process")
}

func TestOtherAccountsAreShutOutOfTheDataFolder(t *testing.T) {
	m := newMachine(t)
	if err := os.Chmod(m.config.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Start()
	m.server.Await("it runs", func() bool { return len(m.server.Hellos()) == 1 })
	info, err := os.Stat(m.config.DataDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
