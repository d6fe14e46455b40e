package invoice

import (
	"bytes"
	"strings"
	"testing"

	"souk/test/pdf"
)

func TestPDFSaysWhatTheDocumentDoes(t *testing.T) {
	for name, c := range map[string]struct {
		of       *Document
		language string
		want     []string
		without  string
	}{
		"an invoice":     {swiss(t), "en", []string{"Invoice 2026-000012", "CHE-109.322.551 MWST", "shop (4711)", "720 hour", "14.40", "10 % on compute", "-1.44", "8.10 %", "CHF 1.21 (of CHF 14.96)", "CHF 16.17", "Payment part", "RF18 5390 0754 7034", "CH93 0076 2011 6238 5295 7"}, ""},
		"in German":      {swiss(t), "de", []string{"Rechnung 2026-000012", "Zu zahlen", "Empfangsschein", "Zahlbar durch"}, "Payment part"},
		"reverse charge": {abroad(t), "en", []string{"Reverse charge: the recipient owes the tax", "DE123456789", "CHF 14.96", "Payment part"}, ""},
		"a credit note":  {creditNote(t), "en", []string{"Credit note 2026-000013", "2026-000012 (2026-12-04)", "CHF 15.57"}, "Payment part"},
	} {
		file, err := c.of.PDF(c.language)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.of.PDF(c.language)
		if err != nil || !bytes.Equal(file, again) {
			t.Errorf("%s: made again it differs: %v", name, err)
		}
		text, err := pdf.Text(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, text)
			}
		}
		if c.without != "" && strings.Contains(text, c.without) {
			t.Errorf("%s says %q", name, c.without)
		}
	}
}

// A reader sees on the last printed page what is to be paid, however many there are.
func TestPrintedCodeIsRead(t *testing.T) {
	short, long := swiss(t), swiss(t)
	short.Lines = short.Lines[:1]
	for range 60 {
		l := long.Lines[0]
		l.ID = len(long.Lines) + 1
		long.Lines = append(long.Lines, l)
	}
	for name, c := range map[string]struct {
		of    *Document
		pages int
	}{"of one page": {short, 1}, "of several": {long, 3}} {
		c.of.Add(treated(t, Party{Country: "CH"}))
		file, err := c.of.PDF("en")
		if err != nil {
			t.Fatal(err)
		}
		read, pages, err := pdf.BillCode(t.Context(), file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if pages != c.pages {
			t.Errorf("%s: it has %d pages", name, pages)
		}
		bill, _ := c.of.bill()
		if want, err := bill.Payload(); err != nil || read != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, read, want)
		}
	}
}
