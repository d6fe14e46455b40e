package main

import (
	"fmt"
	"slices"
	"time"
)

// samples are durations of one kind.
type samples []time.Duration

// quantile returns the value that a share q of the samples does not exceed.
func (s samples) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(q*float64(len(s))), len(s)-1)]
}

func (s samples) median() time.Duration { return s.quantile(0.5) }

// String gives the median and the 99th percentile.
func (s samples) String() string {
	return fmt.Sprintf("p50 %s, p99 %s", millis(s.median()), millis(s.quantile(0.99)))
}

func millis(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func times(f float64) string { return fmt.Sprintf("%.2f ×", f) }

// medianRatio is the median of a[i]/b[i]: of pairs that were taken one right
// after the other, so that what else the machine does touches both.
func medianRatio[T ~int64 | ~float64](a, b []T) float64 {
	ratios := make([]float64, 0, len(a))
	for i := range a {
		ratios = append(ratios, float64(a[i])/float64(b[i]))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// middle is the median of figures that are not durations.
func middle(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
