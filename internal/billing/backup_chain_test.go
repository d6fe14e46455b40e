package billing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func added(s int, backup byte, bytes int64) BackupStep {
	return BackupStep{Backup: uuid.UUID{backup}, Kept: true, Bytes: bytes, At: at(s)}
}

func removed(s int, backup byte) BackupStep { return BackupStep{Backup: uuid.UUID{backup}, At: at(s)} }

// own is an instance's own chain: each plan from that second on.
func own(plans map[int]byte) []Segment {
	var chain []Segment
	for s := range 1000 {
		if plan, changes := plans[s]; changes {
			chain = extended(chain, Segment{From: at(s), Terms: Terms{Plan: uuid.UUID{plan}, StorageGiB: int64(s)}})
		}
	}
	return chain
}

func TestBackupChain(t *testing.T) {
	one, two := map[int]byte{0: 1}, map[int]byte{0: 1, 50: 2}
	for _, c := range []struct {
		name  string
		steps []BackupStep
		own   map[int]byte
		want  string // from-to: bytes (plan)
	}{
		{"none yet", nil, one, ""},
		{"the first opens it", []BackupStep{added(5, 1, 10)}, one, "5-: 10 (1)"},
		{"another adds to it, one that goes takes from it", []BackupStep{added(5, 1, 10), added(7, 2, 20), removed(9, 1)}, one, "5-7: 10 (1), 7-9: 30 (1), 9-: 20 (1)"},
		{"one for another of the same size changes nothing", []BackupStep{added(5, 1, 10), removed(9, 1), added(9, 2, 10)}, one, "5-: 10 (1)"},
		{"the last ends it", []BackupStep{added(5, 1, 10), removed(9, 1)}, one, "5-9: 10 (1)"},
		{"and later changes of the instance are none of its", []BackupStep{added(5, 1, 10), removed(9, 1)}, two, "5-9: 10 (1)"},
		{"none in between", []BackupStep{added(5, 1, 10), removed(9, 1), added(80, 2, 3)}, two, "5-9: 10 (1), 9-50: 0 (1), 50-80: 0 (2), 80-: 3 (2)"},
		{"terms follow the instance", []BackupStep{added(5, 1, 10)}, two, "5-50: 10 (1), 50-: 10 (2)"},
		{"heard of late", []BackupStep{added(9, 1, 10), added(5, 2, 20)}, one, "5-9: 20 (1), 9-: 30 (1)"},
		{"one without a byte keeps it open", []BackupStep{added(5, 1, 0)}, one, "5-: 0 (1)"},
		{"and ends with it", []BackupStep{added(5, 1, 0), removed(9, 1)}, one, "5-9: 0 (1)"},
		{"there and gone at once", []BackupStep{added(5, 1, 10), removed(5, 1)}, one, ""},
		{"there and gone at once, after others", []BackupStep{added(5, 1, 10), removed(7, 1), added(9, 2, 10), removed(9, 2)}, one, "5-7: 10 (1)"},
		{"lost and found again", []BackupStep{added(5, 1, 10), removed(7, 1), added(9, 1, 10)}, one, "5-7: 10 (1), 7-9: 0 (1), 9-: 10 (1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for n, s := range BackupChain(c.steps, own(c.own)) {
				if n > 0 {
					got += ", "
				}
				got += fmt.Sprintf("%d-", int(s.From.Sub(t0).Seconds()))
				if !s.To.IsZero() {
					got += fmt.Sprint(int(s.To.Sub(t0).Seconds()))
				}
				got += fmt.Sprintf(": %d (%d)", s.Bytes, s.Terms.Plan[0])
				if s.Terms.StorageGiB != 0 {
					t.Error("the instance's own storage is among the terms")
				}
			}
			if got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// Random backups, accounted for second by second, give the same as the chain, which
// has no gap, no overlap and no empty link, and is open exactly while one is kept.
func TestBackupChainAgainstSeconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var steps []BackupStep
		for backup := range byte(rapid.IntRange(0, 6).Draw(t, "backups")) {
			s, kept := rapid.IntRange(0, 100).Draw(t, "taken"), false
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				if kept = !kept; kept {
					steps = append(steps, added(s, backup, rapid.Int64Range(0, 3).Draw(t, "bytes")))
				} else {
					steps = append(steps, removed(s, backup))
				}
				s += rapid.IntRange(0, 60).Draw(t, "later")
			}
		}
		instance := own(map[int]byte{0: 1, rapid.IntRange(1, 200).Draw(t, "change"): 2})
		chain := BackupChain(steps, instance)
		for n, s := range chain {
			if n > 0 && !chain[n-1].To.Equal(s.From) || !s.To.IsZero() && !s.To.After(s.From) || n < len(chain)-1 && s.To.IsZero() {
				t.Fatalf("link %d is empty, or there is a gap or an overlap: %+v", n, chain)
			}
		}
		for sec := range 300 {
			bytes, any, later := keptReference(steps, at(sec))
			i := slices.IndexFunc(chain, func(s BackupSegment) bool {
				return !s.From.After(at(sec)) && (s.To.IsZero() || s.To.After(at(sec)))
			})
			before := len(chain) > 0 && chain[0].From.Before(at(sec))
			if covered := any || before && later; covered != (i >= 0) {
				t.Fatalf("second %d: covered %v, want %v\n%+v\n%+v", sec, i >= 0, covered, steps, chain)
			}
			if i >= 0 && (chain[i].Bytes != bytes || chain[i].Terms.Plan != termsAt(instance, at(sec)).Plan) {
				t.Fatalf("second %d: %+v, want %d bytes\n%+v", sec, chain[i], bytes, steps)
			}
		}
	})
}

// keptReference says how many bytes are kept at a moment, whether anything is, and
// whether anything is later.
func keptReference(steps []BackupStep, t time.Time) (bytes int64, any, later bool) {
	for backup := range byte(10) {
		var last BackupStep
		for _, s := range steps {
			if s.Backup == (uuid.UUID{backup}) && !s.At.After(t) {
				last = s
			}
		}
		bytes, any = bytes+last.Bytes, any || last.Kept
	}
	for _, s := range steps {
		if s.At.After(t) && !later {
			_, then, _ := keptReference(slices.DeleteFunc(slices.Clone(steps), func(o BackupStep) bool { return o.At.After(s.At) }), s.At)
			later = then
		}
	}
	return bytes, any, later
}

func termsAt(chain []Segment, t time.Time) Terms {
	s, _ := covering(chain, t)
	return s.Terms
}
