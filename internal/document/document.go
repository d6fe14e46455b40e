// Package document makes PDF pages of plain content: certificates and reports that
// people keep, print and send on. The same content gives the same bytes.
package document

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
)

// Meta is what a document says of itself.
type Meta struct {
	Title    string
	Language string    // BCP 47, such as "en"
	Created  time.Time // of what the document says, not of its making
	Footer   string    // on each page; what identifies the document, such as a hash
}

// Column is one of a table.
type Column struct {
	Title string
	Share float64 // of the width; shares are relative to each other
	Right bool    // aligned to the right, as figures are
}

// Document is being written, from top to bottom. Its fonts have Latin, Greek and
// Cyrillic letters; others show as a box.
type Document struct {
	pdf *fpdf.Fpdf
	// sheet is the page that a sheet takes the bottom of, which has no footer; 0: none.
	sheet int
}

// Lengths in millimetres, and sizes of letters in points.
const (
	margin    = 20.0
	width     = 210 - 2*margin
	line      = 5.5
	padding   = 1.2
	factLabel = 55.0

	textSize  = 10
	smallSize = 8
	titleSize = 20
	headSize  = 13
)

const (
	sans = "sans"
	mono = "mono"
)

// New begins a document of A4 pages with its title.
func New(m Meta) *Document {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(m.Created.UTC())
	pdf.SetModificationDate(m.Created.UTC())
	pdf.SetProducer("Souk", true)
	pdf.SetTitle(m.Title, true)
	pdf.SetLang(m.Language)
	pdf.AddUTF8FontFromBytes(sans, "", slices.Clone(goregular.TTF))
	pdf.AddUTF8FontFromBytes(sans, "B", slices.Clone(gobold.TTF))
	pdf.AddUTF8FontFromBytes(mono, "", slices.Clone(gomono.TTF))
	pdf.SetMargins(margin, margin, margin)
	pdf.SetAutoPageBreak(true, margin+5)
	pdf.AliasNbPages("{pages}")
	d := &Document{pdf: pdf}
	pdf.SetFooterFunc(func() { d.footer(m.Footer) })
	pdf.AddPage()
	pdf.SetFont(sans, "B", titleSize)
	pdf.MultiCell(0, titleSize/2, m.Title, "", "L", false)
	pdf.Ln(line)
	return d
}

func (d *Document) footer(text string) {
	if d.pdf.PageNo() == d.sheet {
		return
	}
	d.pdf.SetY(-margin)
	d.pdf.SetFont(sans, "", smallSize)
	d.pdf.SetTextColor(90, 90, 90)
	d.pdf.CellFormat(width-20, line, text, "", 0, "L", false, 0, "")
	d.pdf.CellFormat(20, line, fmt.Sprintf("%d / {pages}", d.pdf.PageNo()), "", 0, "R", false, 0, "")
	d.pdf.SetTextColor(0, 0, 0)
}

// Heading begins a section.
func (d *Document) Heading(text string) {
	d.keepTogether(4 * line)
	d.pdf.Ln(line)
	d.pdf.SetFont(sans, "B", headSize)
	d.pdf.MultiCell(0, line+1, text, "", "L", false)
	d.pdf.Ln(1)
}

// Text is a paragraph.
func (d *Document) Text(text string) {
	d.pdf.SetFont(sans, "", textSize)
	d.pdf.MultiCell(0, line, text, "", "L", false)
	d.pdf.Ln(line / 2)
}

// Mono is text of which each letter counts, such as a hash; it breaks anywhere.
func (d *Document) Mono(text string) {
	d.pdf.SetFont(mono, "", smallSize)
	most := int(width / d.pdf.GetStringWidth("0"))
	for part := range slices.Chunk([]rune(text), max(1, most-1)) {
		d.pdf.CellFormat(0, line-1, string(part), "", 1, "L", false, 0, "")
	}
	d.pdf.Ln(line / 2)
}

// Fact is a labelled value.
type Fact struct{ Label, Value string }

// Facts are labelled values, one below the other.
func (d *Document) Facts(facts ...Fact) {
	for _, f := range facts {
		d.pdf.SetFont(sans, "", textSize)
		lines := d.pdf.SplitText(f.Value, width-factLabel)
		d.keepTogether(float64(len(lines)) * line)
		d.pdf.SetTextColor(90, 90, 90)
		d.pdf.CellFormat(factLabel, line, f.Label, "", 0, "L", false, 0, "")
		d.pdf.SetTextColor(0, 0, 0)
		d.pdf.MultiCell(width-factLabel, line, strings.Join(lines, "\n"), "", "L", false)
	}
	d.pdf.Ln(line / 2)
}

// Table has a row for each of rows, of which each has a text for each column. The
// titles stand on every page that the table reaches.
func (d *Document) Table(columns []Column, rows [][]string) {
	widths := shares(columns)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.Title
	}
	d.keepTogether(3 * line)
	d.row(columns, widths, titles, "B")
	for _, r := range rows {
		if d.row(columns, widths, r, "") {
			continue
		}
		d.pdf.AddPage()
		d.row(columns, widths, titles, "B")
		d.row(columns, widths, r, "")
	}
	d.pdf.Ln(line / 2)
}

func shares(columns []Column) []float64 {
	var sum float64
	for _, c := range columns {
		sum += c.Share
	}
	out := make([]float64, len(columns))
	for i, c := range columns {
		out[i] = width * c.Share / sum
	}
	return out
}

// row writes one row, and says whether there was room for it on the page. On an
// empty page there is always room.
func (d *Document) row(columns []Column, widths []float64, cells []string, style string) bool {
	d.pdf.SetFont(sans, style, textSize-1)
	height := line
	split := make([][]string, len(columns))
	for i := range columns {
		split[i] = d.pdf.SplitText(cells[i], widths[i]-2*padding)
		height = max(height, line*float64(len(split[i])))
	}
	if d.room() < height && d.pdf.GetY() > 3*margin {
		return false
	}
	x, y := margin, d.pdf.GetY()
	for i, c := range columns {
		align := "L"
		if c.Right {
			align = "R"
		}
		for n, text := range split[i] {
			d.pdf.SetXY(x, y+float64(n)*line)
			d.pdf.CellFormat(widths[i], line, text, "", 0, align, false, 0, "")
		}
		x += widths[i]
	}
	d.pdf.SetDrawColor(200, 200, 200)
	d.pdf.Line(margin, y+height, margin+width, y+height)
	d.pdf.SetXY(margin, y+height)
	return true
}

// room is the height left on the page.
func (d *Document) room() float64 {
	_, height := d.pdf.GetPageSize()
	_, bottom := d.pdf.GetAutoPageBreak()
	return height - bottom - d.pdf.GetY()
}

// keepTogether goes on to the next page where there is no room for a height.
func (d *Document) keepTogether(height float64) {
	if d.room() < height {
		d.pdf.AddPage()
	}
}

// Bytes ends the document and returns it.
func (d *Document) Bytes() ([]byte, error) {
	var out bytes.Buffer
	if err := d.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("make a PDF: %w", err)
	}
	return out.Bytes(), nil
}
