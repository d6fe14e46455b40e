// Package bytesize writes measured sizes for people.
package bytesize

import "strconv"

var units = []string{"B", "KiB", "MiB", "GiB", "TiB"}

// Text writes a number of bytes with about three digits: "512 B", "1.5 GiB".
func Text(n int64) string {
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	decimals := 1
	if unit == 0 || value >= 100 {
		decimals = 0
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + " " + units[unit]
}
