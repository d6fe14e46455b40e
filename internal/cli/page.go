package cli

import (
	"fmt"
	"strings"
)

// page lays out a description: fields, and tables under headings.
type page struct {
	b      strings.Builder
	fields *table
}

// field adds a line; one without a value is left out.
func (p *page) field(name, value string) {
	if value == "" || value == "-" {
		return
	}
	if p.fields == nil {
		p.fields = &table{header: []string{"", ""}}
	}
	p.fields.add(name+":", value)
}

// text adds a paragraph.
func (p *page) text(text string) {
	p.flush()
	fmt.Fprintf(&p.b, "%s\n", plain(text, true))
}

// section adds a table under a heading; an empty one is left out.
func (p *page) section(heading string, t *table) {
	p.flush()
	if len(t.rows) == 0 {
		return
	}
	p.b.WriteString("\n")
	if heading != "" {
		p.b.WriteString(heading + "\n")
	}
	_ = t.write(&p.b)
}

func (p *page) flush() {
	if p.fields == nil {
		return
	}
	p.fields.measure()
	for _, row := range p.fields.rows {
		p.b.WriteString(p.fields.line(row))
	}
	p.fields = nil
}

func (p *page) String() string {
	p.flush()
	return p.b.String()
}
