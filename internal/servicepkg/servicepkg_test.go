package servicepkg_test

import (
	"os"
	"testing"

	"souk/internal/servicepkg"
	"souk/services/all"
)

func TestParameters(t *testing.T) {
	d := servicepkg.Definition{Name: "x", Parameters: []byte(`{"type":"object","additionalProperties":false,"properties":{
		"size":{"type":"integer","minimum":1,"maximum":9},"mode":{"enum":["a","b"],"x-restart":true}}}`)}
	s, err := servicepkg.CompileSchema(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		in     map[string]any
		fields []string
		first  string // of the complaints
	}{
		{"none", nil, nil, ""},
		{"good", map[string]any{"size": 3, "mode": "a"}, nil, ""},
		{"too large", map[string]any{"size": 10}, []string{"size"}, "It is at most 9."},
		{"too small", map[string]any{"size": 0}, []string{"size"}, "It is at least 1."},
		{"another kind", map[string]any{"size": "3"}, []string{"size"}, "It has to be of this kind: integer."},
		{"off the list", map[string]any{"fsync": false, "zap": 1}, []string{"fsync", "zap"}, "The service has no parameter of this name; look at the service for those it has."},
		{"several", map[string]any{"size": 0, "mode": "c"}, []string{"mode", "size"}, "It is one of: a, b."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.Check(c.in)
			if len(got) != len(c.fields) {
				t.Fatalf("%d complaints, want %d: %+v", len(got), len(c.fields), got)
			}
			for i, f := range got {
				if f.Path != c.fields[i] || f.Message == "" {
					t.Errorf("complaint %d is %+v, want one about %s", i, f, c.fields[i])
				}
			}
			if len(got) > 0 && got[0].Message != c.first {
				t.Errorf("the first complaint says %q", got[0].Message)
			}
		})
	}
	if !s.NeedsRestart("mode") || s.NeedsRestart("size") {
		t.Error("which parameters need a restart was lost")
	}
}

func TestCompileRefusesWhatIsNoSchema(t *testing.T) {
	for _, text := range []string{`{`, `{"type":"nonsense"}`} {
		if _, err := servicepkg.CompileSchema(servicepkg.Definition{Name: "x", Parameters: []byte(text)}); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

// Every built-in package can be published: it says what it is, its schema
// compiles, and its defaults fit it.
func TestBuiltInPackages(t *testing.T) {
	for name, p := range all.Packages() {
		d := p.Definition
		s, err := servicepkg.CompileSchema(d)
		if err != nil {
			t.Fatal(err)
		}
		if d.Title == "" || d.Summary == "" || d.Description == "" || d.Category == "" || len(d.Plans) == 0 || len(d.Capabilities) == 0 {
			t.Errorf("%s does not say all about itself", name)
		}
		if _, err := os.Stat("../../" + d.Guide); d.Guide == "" || err != nil {
			t.Errorf("%s has no page for its users: %v", name, err)
		}
		if wrong := s.Check(s.Defaults()); len(wrong) > 0 {
			t.Errorf("the defaults of %s do not fit: %+v", name, wrong)
		}
	}
}
