//go:build !crashtest

package step

func done(string) {}
