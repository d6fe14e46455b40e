//go:build docs

package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// page is one file of the documentation.
type page struct {
	name  string // relative to the root
	lines []string
	parts []part // in order
}

// part is a command, a directive, or a block that is not run.
type part struct {
	line      int // of the file, from 1
	command   string
	first     int      // index of the first line of the expected output
	want      []string // that output
	directive string   // of "<!-- docs test: DIRECTIVE -->"
	unrun     string   // first line of a block marked sh
}

const (
	directiveOpen  = "<!-- docs test: "
	directiveClose = " -->"
)

// read takes a page apart.
func read(root, name string) (*page, error) {
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	p := &page{name: name, lines: strings.Split(string(text), "\n")}
	for i := 0; i < len(p.lines); i++ {
		line := p.lines[i]
		if directive, ok := strings.CutPrefix(line, directiveOpen); ok {
			p.parts = append(p.parts, part{line: i + 1, directive: strings.TrimSuffix(directive, directiveClose)})
			continue
		}
		kind, fenced := strings.CutPrefix(line, "```")
		if !fenced {
			continue
		}
		end := i + 1
		for end < len(p.lines) && p.lines[end] != "```" {
			end++
		}
		if end == len(p.lines) {
			return nil, fmt.Errorf("%s:%d: the block has no end", name, i+1)
		}
		if err := p.block(kind, i+1, end); err != nil {
			return nil, err
		}
		i = end
	}
	return p, nil
}

// block takes in the lines from..end of a block of that kind.
func (p *page) block(kind string, from, end int) error {
	switch kind {
	case "sh":
		p.parts = append(p.parts, part{line: from + 1, unrun: p.lines[from]})
	case "console":
		return p.session(from, end)
	case "", "bash", "shell":
		return fmt.Errorf("%s:%d: say what kind of block this is: console (which is run), sh (which is not) or a language", p.name, from)
	}
	return nil
}

// session reads commands, each after "$ " and with lines that go on after "> ",
// and what each prints.
func (p *page) session(from, end int) error {
	for i := from; i < end; {
		command, ok := strings.CutPrefix(p.lines[i], "$ ")
		if !ok {
			return fmt.Errorf("%s:%d: a console block begins with a command, after \"$ \"", p.name, i+1)
		}
		c := part{line: i + 1, command: command}
		for i++; i < end && strings.HasPrefix(p.lines[i], "> "); i++ {
			c.command += "\n" + p.lines[i][2:]
		}
		for c.first = i; i < end && !strings.HasPrefix(p.lines[i], "$ "); i++ {
			c.want = append(c.want, p.lines[i])
		}
		p.parts = append(p.parts, c)
	}
	return nil
}

// commands are the parts that are run.
func (p *page) commands() int {
	n := 0
	for _, c := range p.parts {
		if c.command != "" {
			n++
		}
	}
	return n
}

// onlyLooks marks a page that changes nothing.
const onlyLooks = "only looks"

// looks is 1 for a page that only looks, and 0 for others.
func (p *page) looks() int {
	if slices.ContainsFunc(p.parts, func(c part) bool { return c.directive == onlyLooks }) {
		return 1
	}
	return 0
}

// rewrite writes the page with the outputs given, by the index of their part.
func (p *page) rewrite(root string, outputs map[int][]string) error {
	var out []string
	at := 0
	for i, c := range p.parts {
		text, ok := outputs[i]
		if !ok {
			continue
		}
		out = append(append(out, p.lines[at:c.first]...), text...)
		at = c.first + len(c.want)
	}
	out = append(out, p.lines[at:]...)
	return os.WriteFile(filepath.Join(root, p.name), []byte(strings.Join(out, "\n")), 0o644)
}
