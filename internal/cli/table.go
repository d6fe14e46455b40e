package cli

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table lays rows out in columns.
type table struct {
	header []string
	rows   [][]string
	widths []int
}

func newTable(header ...string) *table { return &table{header: header} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the header and all rows.
func (t *table) write(w io.Writer) error {
	t.measure()
	var b strings.Builder
	b.WriteString(t.line(t.header))
	for _, row := range t.rows {
		b.WriteString(t.line(row))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// append prints one more row under those that are written already.
func (t *table) append(w io.Writer, row []string) error {
	t.rows = [][]string{row}
	t.measure()
	_, err := io.WriteString(w, t.line(row))
	return err
}

// measure widens the columns to what the rows need.
func (t *table) measure() {
	if t.widths == nil {
		t.widths = make([]int, len(t.header))
	}
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(plain(cell, false)))
		}
	}
}

func (t *table) line(row []string) string {
	var b strings.Builder
	for i, cell := range row {
		cell = plain(cell, false)
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell)+2))
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// plain takes from a text what would move a terminal's cursor or change its
// colours: what others wrote is shown, never obeyed.
func plain(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
}
