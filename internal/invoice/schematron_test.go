package invoice

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"souk/internal/tax"
)

// rulesFolder names a folder with the official rules of EN 16931 for UBL, as XSLT. They are
// not Souk's to pass on.
const rulesFolder = "SOUK_EN16931"

// What is written as UBL keeps the official rules of EN 16931, where they are given. Where
// they are not, nothing is proven: test/faults says so at the end of a run.
func TestOfficialRules(t *testing.T) {
	folder := os.Getenv(rulesFolder)
	if folder == "" {
		t.Logf("not proven: %s names no folder with the official rules (XSLT of EN16931-UBL)", rulesFolder)
		return
	}
	rules := officialRules(t, folder)
	for name, d := range map[string]*Document{"invoice": swiss(t), "reverse-charge": abroad(t), "credit-note": creditNote(t), "every-unit": everyUnit(t)} {
		text, err := d.UBL()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), name+".xml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules {
			for _, broken := range rule.brokenBy(t, file) {
				t.Errorf("%s: %s: %s", name, broken.ID, strings.Join(strings.Fields(broken.Text), " "))
			}
		}
	}
}

// everyUnit is an invoice with a line of each unit that prices are for.
func everyUnit(t *testing.T) *Document {
	d := swiss(t)
	line := d.Lines[0]
	d.Lines = nil
	for _, unit := range []string{"hour", "month", "GiB-hour", "GiB-month", "once", "each", "thousand", "million", "GB", "GiB", "one"} {
		line.ID, line.Unit = line.ID+1, unit
		d.Lines = append(d.Lines, line)
	}
	d.AddEach(func(l *Line) tax.Treatment { return tax.Treatment{Category: l.Category, Percent: l.Percent} })
	return d
}

// official is a style sheet, and what carries it out.
type official struct{ sheet, xslt3 string }

// officialRules finds the style sheets of a folder, and xslt3 in it or on the path.
func officialRules(t *testing.T, folder string) (rules []official) {
	t.Helper()
	xslt3 := filepath.Join(folder, "node_modules", ".bin", "xslt3")
	if _, err := os.Stat(xslt3); err != nil {
		if xslt3, err = exec.LookPath("xslt3"); err != nil {
			t.Fatalf("%s has no node_modules/.bin/xslt3, and there is none on the path (npm install xslt3)", folder)
		}
	}
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() && e.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if name := strings.ToUpper(filepath.Base(path)); err == nil && strings.Contains(name, "EN16931-UBL") && (strings.HasSuffix(name, ".XSLT") || strings.HasSuffix(name, ".XSL")) {
			rules = append(rules, official{path, xslt3})
		}
		return err
	})
	if err != nil || len(rules) == 0 {
		t.Fatalf("%s has no XSLT of EN16931-UBL: %v", folder, err)
	}
	return rules
}

// assertion is one that failed, as SVRL tells it.
type assertion struct {
	ID   string `xml:"id,attr"`
	Flag string `xml:"flag,attr"`
	Text string `xml:"text"`
}

// brokenBy are the rules that a file breaks; warnings count too.
func (o official) brokenBy(t *testing.T, file string) []assertion {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), o.xslt3, "-xsl:"+o.sheet, "-s:"+file).Output()
	if err != nil {
		t.Fatalf("xslt3: %v", err)
	}
	var said struct {
		XMLName xml.Name    `xml:"http://purl.oclc.org/dsdl/svrl schematron-output"`
		Fired   []struct{}  `xml:"fired-rule"`
		Failed  []assertion `xml:"failed-assert"`
	}
	if err := xml.Unmarshal(out, &said); err != nil {
		t.Fatalf("%s does not answer with SVRL: %v", o.sheet, err)
	}
	if len(said.Fired) == 0 {
		t.Errorf("%s looked at nothing", o.sheet)
	}
	return said.Failed
}
