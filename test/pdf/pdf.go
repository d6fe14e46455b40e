// Package pdf reads PDF documents back as a person, or a telephone, would. It needs what
// scripts/setup.sh --tests installs (pdftotext and pdftoppm).
package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// Text is all text of a document, laid out as it is printed; each page ends with a form
// feed.
func Text(ctx context.Context, file []byte) (string, error) {
	cmd := exec.CommandContext(ctx, "pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(file)
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read the document (scripts/setup.sh --tests installs what does): %w", err)
	}
	return string(text), nil
}

// billCode is where the code of a Swiss QR-bill is printed, on the lower part of an A4
// page (Style Guide QR-bill, section 3.5): left, top, width and height, at 600 dots an
// inch, with a margin.
var billCode = []string{"-x", "1480", "-y", "4840", "-W", "1320", "-H", "1400"}

// BillCode reads the code of the QR-bill on a document's last page, printed at 600 dots
// an inch, and says how many pages there are.
func BillCode(ctx context.Context, file []byte) (payload string, pages int, err error) {
	dir, err := os.MkdirTemp("", "souk-pdf-")
	if err != nil {
		return "", 0, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, "pdftoppm", append([]string{"-png", "-r", "600", "-gray"}, append(billCode, "-", filepath.Join(dir, "page"))...)...)
	cmd.Stdin = bytes.NewReader(file)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", 0, fmt.Errorf("print the document: %w: %s", err, out)
	}
	printed, err := filepath.Glob(filepath.Join(dir, "page-*.png"))
	if err != nil || len(printed) == 0 {
		return "", 0, errors.Join(err, errors.New("nothing was printed"))
	}
	last, err := os.Open(printed[len(printed)-1])
	if err != nil {
		return "", 0, err
	}
	defer last.Close()
	picture, err := png.Decode(last)
	if err != nil {
		return "", 0, err
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		return "", 0, err
	}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", len(printed), fmt.Errorf("read the code: %w", err)
	}
	return read.GetText(), len(printed), nil
}
