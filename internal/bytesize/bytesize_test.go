package bytesize

import "testing"

func TestText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 100: "100 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 99 << 10: "99.0 KiB", 100 << 10: "100 KiB",
		1<<20 - 1: "1024 KiB", 1 << 20: "1.0 MiB", 7_800_000: "7.4 MiB", 1 << 30: "1.0 GiB", 1 << 40: "1.0 TiB", 5000 << 40: "5000 TiB",
	} {
		if got := Text(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}
