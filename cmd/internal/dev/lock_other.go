//go:build !unix

package dev

// lockData does nothing on systems without an advisory lock. There only the listening ports keep
// a second process away.
func lockData(string) (unlock func(), err error) { return func() {}, nil }
