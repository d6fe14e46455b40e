//go:build crashtest

package main

import "time"

// longestPause between restarts of a part of `souk dev`: the crash harness kills
// parts all the time and does not want to wait for them.
const longestPause = 100 * time.Millisecond
