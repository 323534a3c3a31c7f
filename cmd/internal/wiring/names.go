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
	return readNames("--names-secret", f.NamesSecret, f.NamesSecretFile)
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

// NameKeyFlags say what names are sealed with.
type NameKeyFlags struct {
	NamesKey     string `name:"names-key" placeholder:"HEX" xor:"names-key" group:"Stores" help:"Key that seals the names of what is revoked, 64 hexadecimal digits, so that publisher who can tell them; several with commas between, the latest last. Only publishers have it. Use the environment variable. Default: none, names are not kept."`
	NamesKeyFile string `name:"names-key-file" type:"path" placeholder:"FILE" xor:"names-key" group:"Stores" help:"File with --names-key, one a line. Only its owner and group may read it."`
}

// Keys returns the keys, nil if none were given.
func (f *NameKeyFlags) Keys() (*names.Secrets, error) {
	keys, err := readNames("--names-key", f.NamesKey, f.NamesKeyFile)
	if keys != nil {
		_, err = keys.Sealer("")
		err = wrapFlag("--names-key", err)
	}
	return keys, err
}

// readNames reads what a flag says, or the file that the flag of that name with -file says.
func readNames(flag, text, file string) (secrets *names.Secrets, err error) {
	switch {
	case file != "":
		secrets, err = names.ReadFile(file)
		err = wrapFlag(flag+"-file", err)
	case text != "":
		secrets, err = names.Parse(text)
		err = wrapFlag(flag, err)
	}
	return secrets, err
}

func wrapFlag(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}
