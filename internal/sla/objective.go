package sla

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Millionths reads a percentage such as "99.95", with four decimals at most.
func Millionths(percent string) (int64, error) {
	whole, part, _ := strings.Cut(percent, ".")
	n, err := strconv.ParseInt(whole+(part + "0000")[:4], 10, 64)
	if percent == "" || err != nil || len(part) > 4 || n < 0 || n > perMillion {
		return 0, fmt.Errorf("%q is no percentage with four decimals at most", percent)
	}
	return n, nil
}

// Percent writes millionths as a percentage with four decimals.
func Percent(millionths int64) string {
	return fmt.Sprintf("%d.%04d", millionths/10_000, millionths%10_000)
}

// Budget is for how long an instance may be down in a time, by an objective in
// millionths.
func Budget(of time.Duration, objective int64) time.Duration {
	return time.Duration(of.Milliseconds()*(perMillion-objective)/perMillion) * time.Millisecond
}
