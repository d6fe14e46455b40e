package shim

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestRotationKeepsTheOpenFileAndFourOlder(t *testing.T) {
	t.Chdir(t.TempDir())
	engine, err := os.OpenFile("log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for n := range LogFiles + 2 {
		fmt.Fprintf(engine, "round %d\n", n)
		if err := rotate("log", 5); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(engine, "now\n")
	if err := rotate("log", 100); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"log": "now\n"}
	for n := 1; n <= LogFiles; n++ {
		want[fmt.Sprintf("log.%d", n)] = fmt.Sprintf("round %d\n", LogFiles+2-n)
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) != len(want) {
		t.Errorf("files %v, %v", entries, err)
	}
	for name, text := range want {
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, text)
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var output tail
	for range 10 {
		_, _ = output.Write([]byte(strings.Repeat("x", maxOutput/4)))
	}
	_, _ = output.Write([]byte("end"))
	if len(output.bytes) != maxOutput || !strings.HasSuffix(string(output.bytes), "xend") {
		t.Errorf("%d bytes kept", len(output.bytes))
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	for _, failures := range []int{0, 1, 5, 100} {
		want := min(firstPause<<min(failures, 20), longest)
		for range 20 {
			if got := backoff(failures); got < want*4/5 || got > want*6/5 {
				t.Fatalf("after %d failures %v, want %v give or take a fifth", failures, got, want)
			}
		}
	}
}
