package postgresql

import (
	"encoding/json"
	"strings"
	"testing"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

func TestAccessRules(t *testing.T) {
	got, err := accessRules([]string{"10.0.0.5/8", "0.0.0.0/0", "::/0"}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := `# Written by Souk; changes are lost.
local all souk_admin peer map=souk
local all all reject
host all souk_admin,souk_backup all reject
hostssl postgres souk_probe samehost scram-sha-256
host all souk_probe all reject
hostssl app all 10.0.0.0/8 scram-sha-256
hostssl app all 0.0.0.0/0 scram-sha-256
hostssl app all ::/0 scram-sha-256
host all all all reject
`
	if got != want {
		t.Errorf("rules\n%s", got)
	}
	for _, network := range []string{"", "10.0.0.5", "10.0.0.0/33", "host all all all trust", "0.0.0.0/0 trust #"} {
		if _, err := accessRules([]string{network}, false); err == nil {
			t.Errorf("%q was taken", network)
		}
	}
}

func TestEverySettingHasADefaultThatCanBeRendered(t *testing.T) {
	s, err := chosen(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.value) < 12 || s.value["max_connections"] != "100" || !s.restart["max_connections"] || s.restart["work_mem"] {
		t.Errorf("settings %+v", s)
	}
}

func TestRender(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{true, "on"}, {false, "off"}, {float64(4096), "4096"}, {1.1, "1.1"}, {json.Number("7"), "7"},
		{"read committed", "'read committed'"}, {`it's \`, `'it''s \\'`},
	} {
		if got, err := render(test.value, quote); err != nil || got != test.want {
			t.Errorf("%v: %s, %v; want %s", test.value, got, err, test.want)
		}
	}
	for _, value := range []any{nil, []int{1}, "line\nssl = off", json.Number("1; x")} {
		if got, err := render(value, quote); err == nil {
			t.Errorf("%v was rendered as %s", value, got)
		}
	}
}

func TestWhatTakesARestart(t *testing.T) {
	base := driver.Instance{Plan: driver.Plan{MemoryMiB: 512}, StorageGiB: 10, AllowedNetworks: []string{"0.0.0.0/0"}}
	of := func(change func(*process.Job)) config {
		job := &process.Job{Host: &process.Host{Address: "127.0.0.1", Port: 5000}, Want: base}
		if change != nil {
			change(job)
		}
		c, err := configure(job, []byte("certificate"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := of(nil)
	for name, test := range map[string]struct {
		change  func(*process.Job)
		restart bool
	}{
		"memory":      {func(j *process.Job) { j.Want.Plan.MemoryMiB = 1024 }, true},
		"connections": {func(j *process.Job) { j.Want.Parameters = map[string]any{"max_connections": 20.0} }, true},
		"storage":     {func(j *process.Job) { j.Want.StorageGiB = 20 }, false},
		"networks":    {func(j *process.Job) { j.Want.AllowedNetworks = nil }, false},
		"work_mem":    {func(j *process.Job) { j.Want.Parameters = map[string]any{"work_mem": 64.0} }, false},
		"full":        {func(j *process.Job) { j.ReadOnly = true }, false},
	} {
		c := of(test.change)
		if c.all == first.all {
			t.Errorf("%s: no change", name)
		}
		if (c.start != first.start) != test.restart {
			t.Errorf("%s: restart %v", name, !test.restart)
		}
	}
	if again := of(nil); again != first {
		t.Error("the same order gives another configuration")
	}
	if strings.Contains(first.main, "fsync = off") {
		t.Error("fsync is off")
	}
}
