package redis

import (
	"testing"

	"souk/internal/driver/kubernetes"
)

// What a restore in place makes has names of its own, and belongs to it alone.
func TestWhatARestoreInPlaceOwns(t *testing.T) {
	engines := map[int64]kubernetes.RewindingEngine{}
	for number := range int64(12) {
		engines[number] = (&clusterEngine{}).MadeBy(number)
	}
	for kind, names := range map[string]map[string]int64{
		"StatefulSet":           {"redis": 0, "redis-r1": 1, "redis-r11": 11, "other": -1},
		"Pod":                   {"redis-0": 0, "redis-2": 0, "redis-3": -1, "redis-r1-0": 1, "redis-r11-2": 11, "backup-x7k2p": -1},
		"Service":               {"redis-1": 0, "redis-r2-1": 2, "access": -1},
		"Secret":                {"redis-conf": 0, "redis-conf-r1": 1, "backup-place": -1, "server-tls": -1, "redis-0": -1},
		"PersistentVolumeClaim": {"data": 0, "data-redis-1": 0, "data-r1": 1, "data-redis-r1-1": 1, "data-redis-r11-0": 11, "other": -1},
	} {
		for name, owner := range names {
			for number, engine := range engines {
				if is := engine.Owns(kubernetes.Object("v1", kind, "n", name, nil, nil)); is != (number == owner) {
					t.Errorf("%s %s belongs to %d: %v", kind, name, number, is)
				}
			}
		}
	}
}
