//go:build !crashtest

package main

// longestPause between restarts of a part of `souk dev`: the launcher's own.
const longestPause = 0
