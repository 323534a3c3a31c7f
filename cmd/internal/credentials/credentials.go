// Package credentials makes the users of a realm at NATS and Redis, with the rights that deploy/ gives
// them: one for publishers, and one for each class of workers.
package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/nats-io/nkeys"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

//go:embed nats.tmpl
var natsText string

//go:embed redis.tmpl
var redisText string

var texts = template.Must(template.Must(template.New("nats").Parse(natsText)).New("redis").Parse(redisText))

// Set is the users of one realm.
type Set struct {
	Realm     string
	Publisher User
	Classes   []Class
}

// Class is a class of workers with its user.
type Class struct {
	Name string
	User
}

// User is one user at both stores. Secrets are in no configuration: that of NATS has the public key,
// that of Redis a hash.
type User struct {
	Seed, Nkey     string // at NATS: secret and public
	Password, Hash string // at Redis: secret, and SHA-256 of it in hexadecimal digits
}

// Make draws the users of a realm. [revocast.ErrInvalid]: a name that no realm or class can have.
func Make(realm string, classes []string) (*Set, error) {
	if err := port.CheckClass(realm); err != nil { // the same characters
		return nil, fmt.Errorf("%w: realm %.80q: want 1 to 64 of A-Z a-z 0-9 _ -", revocast.ErrInvalid, realm)
	}
	s := &Set{Realm: realm}
	var err error
	if s.Publisher, err = makeUser(); err != nil {
		return nil, err
	}
	for i, name := range classes {
		if err := port.CheckClass(name); err != nil {
			return nil, err
		}
		if slices.Contains(classes[:i], name) {
			return nil, fmt.Errorf("%w: class %s is there twice", revocast.ErrInvalid, name)
		}
		user, err := makeUser()
		if err != nil {
			return nil, err
		}
		s.Classes = append(s.Classes, Class{name, user})
	}
	return s, nil
}

func makeUser() (User, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return User{}, err
	}
	seed, err := pair.Seed()
	if err != nil {
		return User{}, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return User{}, err
	}
	password := rand.Text() + rand.Text()
	hash := sha256.Sum256([]byte(password))
	return User{Seed: string(seed), Nkey: public, Password: password, Hash: hex.EncodeToString(hash[:])}, nil
}

// NATS writes the accounts for nats.conf, in the place of those that it has.
func (s *Set) NATS(w io.Writer) error {
	accounts := make([]string, len(s.Classes))
	for i, c := range s.Classes {
		accounts[i] = "WORKERS_" + c.Name
	}
	return texts.ExecuteTemplate(w, "nats", struct {
		*Set
		Accounts string // of all classes
	}{s, strings.Join(accounts, ", ")})
}

// Redis writes the lines for redis.conf, or for an ACL file.
func (s *Set) Redis(w io.Writer) error { return texts.ExecuteTemplate(w, "redis", s) }
