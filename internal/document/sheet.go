package document

import (
	"slices"

	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
)

// Sheet is the bottom of a page, on which each thing has its place: lengths are in
// millimetres from the sheet's upper left corner. Its letters are Liberation Sans.
type Sheet struct {
	d   *Document
	top float64
}

const sheetFont = "sheet"

// clearance is kept free above a sheet.
const clearance = 7.0

// Sheet takes the bottom of the page, over its whole width, for what draw puts there;
// of the next page where there is no room. Nothing else can follow.
func (d *Document) Sheet(height float64, draw func(s *Sheet)) {
	_, page := d.pdf.GetPageSize()
	if d.pdf.GetY() > page-height-clearance {
		d.pdf.AddPage()
	}
	d.sheet = d.pdf.PageNo()
	d.pdf.AddUTF8FontFromBytes(sheetFont, "", slices.Clone(liberationsansregular.TTF))
	d.pdf.AddUTF8FontFromBytes(sheetFont, "B", slices.Clone(liberationsansbold.TTF))
	d.pdf.SetAutoPageBreak(false, 0)
	draw(&Sheet{d, page - height})
}

// Text writes one line whose upper left corner is at x, y, in letters of so many points.
func (s *Sheet) Text(x, y, points float64, bold bool, text string) {
	style := ""
	if bold {
		style = "B"
	}
	s.d.pdf.SetFont(sheetFont, style, points)
	s.d.pdf.SetXY(x, s.top+y)
	s.d.pdf.CellFormat(s.d.pdf.GetStringWidth(text)+1, millimetres(points), text, "", 0, "L", false, 0, "")
}

// Fit splits a text into lines that are at most so wide in letters of so many points.
func (s *Sheet) Fit(width, points float64, text string) []string {
	s.d.pdf.SetFont(sheetFont, "", points)
	return s.d.pdf.SplitText(text, width)
}

// Fill fills a rectangle, black or white.
func (s *Sheet) Fill(x, y, width, height float64, black bool) {
	shade := 255
	if black {
		shade = 0
	}
	s.d.pdf.SetFillColor(shade, shade, shade)
	s.d.pdf.Rect(x, s.top+y, width, height, "F")
}

// Line draws a thin line.
func (s *Sheet) Line(x1, y1, x2, y2 float64) {
	s.d.pdf.SetDrawColor(0, 0, 0)
	s.d.pdf.SetLineWidth(0.15)
	s.d.pdf.Line(x1, s.top+y1, x2, s.top+y2)
}

// millimetres are so many points.
func millimetres(points float64) float64 { return points * 25.4 / 72 }
