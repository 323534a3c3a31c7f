package wiring

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/revocast/revocast/names"
)

// NamesFlags say what the realm's names are hashed with.
type NamesFlags struct {
	NamesSecret     string `name:"names-secret" placeholder:"HEX" xor:"names-secret" group:"Stores" help:"Secret that the realm's names are hashed with, at least 64 hexadecimal digits; several with commas between, the oldest first. Publishers and workers have the same. Use the environment variable: every user of the machine can read the command line. Default: none, for a realm that was made without."`
	NamesSecretFile string `name:"names-secret-file" type:"path" placeholder:"FILE" xor:"names-secret" group:"Stores" help:"File with --names-secret, one a line; publisher init makes it where it is missing. Only its owner and group may read it."`
}

// Secrets returns the secrets, nil if none were given.
func (f *NamesFlags) Secrets() (*names.Secrets, error) {
	var secrets *names.Secrets
	var err error
	switch {
	case f.NamesSecretFile != "":
		secrets, err = names.ReadFile(f.NamesSecretFile)
		err = wrapFlag("--names-secret-file", err)
	case f.NamesSecret != "":
		secrets, err = names.Parse(f.NamesSecret)
		err = wrapFlag("--names-secret", err)
	}
	return secrets, err
}

// SecretsOrNew is Secrets, and makes the file if it is missing (made).
func (f *NamesFlags) SecretsOrNew() (secrets *names.Secrets, made bool, err error) {
	secrets, err = f.Secrets()
	if f.NamesSecretFile == "" || !errors.Is(err, fs.ErrNotExist) {
		return secrets, false, err
	}
	secrets, err = names.Create(f.NamesSecretFile)
	return secrets, err == nil, wrapFlag("--names-secret-file", err)
}

func wrapFlag(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}
