package document

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"souk/test/pdf"
)

// report is a document with all that there is, of more than a page.
func report(t *testing.T) []byte {
	t.Helper()
	d := New(Meta{Title: "Verfügbarkeit – März 2026", Language: "de", Created: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Footer: "sha256 0123"})
	d.Heading("Überblick")
	d.Text("Zażółć gęślą jaźń, Ελλάδα, Кириллица, 12 345.60 CHF.")
	d.Facts(Fact{"Organization", "Acme & Söhne"}, Fact{"A long one", strings.Repeat("so long ", 40)})
	var rows [][]string
	for i := range 80 {
		rows = append(rows, []string{fmt.Sprintf("instance-%02d", i), "99.95 %", strings.Repeat("remark ", i%9)})
	}
	d.Table([]Column{{Title: "Instance", Share: 2}, {Title: "Up", Share: 1, Right: true}, {Title: "Remarks", Share: 3}}, rows)
	d.Mono(strings.Repeat("0123456789abcdef", 20))
	out, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheSameContentIsTheSameBytes(t *testing.T) {
	first := report(t)
	for range 5 {
		if !bytes.Equal(first, report(t)) {
			t.Fatal("the same content gave other bytes")
		}
	}
}

// Whatever is written can be read back, in its order, on every page.
func TestTextCanBeReadBack(t *testing.T) {
	text, err := pdf.Text(t.Context(), report(t))
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{"Verfügbarkeit – März 2026", "Überblick", "Zażółć gęślą jaźń, Ελλάδα, Кириллица, 12 345.60 CHF.", "Acme & Söhne", "instance-00", "instance-79"} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%q is missing, or not in its place", want)
		}
		at += i
	}
	pages := strings.Count(text, "\f")
	if pages < 2 || strings.Count(text, "Remarks") != pages && strings.Count(text, "Remarks") != pages-1 {
		t.Errorf("%d pages, the table's titles %d times", pages, strings.Count(text, "Remarks"))
	}
	for n := range pages {
		if want := fmt.Sprintf("%d/%d", n+1, pages); !strings.Contains(strings.ReplaceAll(text, " ", ""), want) {
			t.Errorf("%q stands on no page", want)
		}
	}
}
