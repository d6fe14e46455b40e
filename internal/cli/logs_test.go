package cli

import (
	"strings"
	"testing"
)

func TestALogDoesNotSteerTheTerminal(t *testing.T) {
	var out strings.Builder
	w := &plainWriter{to: &out}
	for _, text := range []string{"a\tb é\n\x1b]0;title\x07\x1b[2Jgone\r\x7f\n", "\u009b2J \xc2", "\x9b2J\n"} {
		if n, err := w.Write([]byte(text)); err != nil || n != len(text) {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if want := "a\tb é\n ]0;title  [2Jgone  \n\xc2 2J \xc2 2J\n"; out.String() != want {
		t.Errorf("shown: %q, want %q", out.String(), want)
	}
}
