//go:build unix

// Package filelock keeps two processes from using one file.
package filelock

import (
	"os"
	"syscall"
)

// Try locks an open file for this process, until the file is closed or the process dies. It fails if
// another one has locked it.
func Try(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
