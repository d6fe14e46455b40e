//go:build journey

package main

import (
	"path/filepath"
	"testing"

	"souk/test/soukdev"
)

// The month that `make demo-month` plays comes to what it has to.
func TestMonth(t *testing.T) {
	s := soukdev.Build(t)
	if err := run(t.Context(), options{souk: filepath.Join(s.Bin, "souk")}); err != nil {
		t.Fatal(err)
	}
}
