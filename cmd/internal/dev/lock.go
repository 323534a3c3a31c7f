package dev

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/revocast/revocast/cmd/internal/filelock"
)

// lockData keeps a second process from opening the same JetStream files, which would destroy
// them. On systems without file locks only the listening ports keep it away.
func lockData(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Try(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process", dir)
	}
	return func() { f.Close() }, nil
}
