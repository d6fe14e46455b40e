package redis

import (
	"testing"

	"souk/internal/driver"
)

func TestFiguresOfAPod(t *testing.T) {
	const info = "# Memory\r\nused_memory_rss:5\r\nmaxmemory:7\r\n# CPU\r\nused_cpu_sys:1.5\r\nused_cpu_user:2\r\nused_cpu_sys_children:0.25\r\nused_cpu_user_children:0.25\r\naof_current_size:99\r\n"
	want := map[string]float64{driver.MetricCPU: 4, driver.MetricMemory: 5, driver.MetricStorage: 99}
	got := podSamples(info)
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for _, s := range got {
		if s.Value != want[s.Name] {
			t.Errorf("%s is %v, want %v", s.Name, s.Value, want[s.Name])
		}
	}
}
