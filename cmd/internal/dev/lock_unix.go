//go:build unix

package dev

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockData keeps a second process from opening the same JetStream files, which would destroy
// them. The kernel releases the lock when the process dies.
func lockData(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process", dir)
	}
	return func() { f.Close() }, nil
}
