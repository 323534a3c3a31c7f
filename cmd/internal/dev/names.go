package dev

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/revocast/revocast/names"
)

// naming is what names are hashed and sealed with. Both files are made at the first start. A realm from before
// them keeps its plain names.
type naming struct{ secrets, keys *names.Secrets }

func newNaming(data string) (n naming, err error) {
	if n.secrets, err = readOrCreate(filepath.Join(data, "names.secret")); err != nil {
		return naming{}, err
	}
	n.keys, err = readOrCreate(filepath.Join(data, "names.key"))
	return n, err
}

func readOrCreate(path string) (*names.Secrets, error) {
	s, err := names.Create(path)
	if errors.Is(err, fs.ErrExist) {
		return names.ReadFile(path)
	}
	return s, err
}
