package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// user is one account. Principal is what tokens bear and revocations name; it stays when
// the mail address changes.
type user struct {
	Principal string `json:"principal"`
	Mail      string `json:"mail"` // what people log in with, in lower case
	Hash      string `json:"hash"` // argon2id, in PHC form
}

// users are the accounts, in a file. A real service has a table here, and changes the
// password in one transaction with package sqloutbox.
type users struct {
	path    string
	hashing hashers
	nobody  string // a hash that no password has

	mu  sync.Mutex // guards all and the file
	all []user
}

var (
	errWrongPassword = errors.New("wrong password")
	errChanged       = errors.New("the password was changed meanwhile")
	errTaken         = errors.New("another account has this address")
)

// openUsers reads the file. The first time it makes the file, with two accounts.
func openUsers(path string) (*users, error) {
	u := &users{path: path, hashing: defaultHashers()}
	var err error
	if u.nobody, err = hash("nobody has this password"); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return u, u.seed()
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &u.all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return u, nil
}

func (u *users) seed() error {
	for principal, mail := range map[string]string{"u-1001": "alice@example.com", "u-1002": "bob@example.com"} {
		h, err := hash("correct horse battery staple")
		if err != nil {
			return err
		}
		u.all = append(u.all, user{Principal: principal, Mail: mail, Hash: h})
	}
	return u.save()
}

// save replaces the file in one step: a crash leaves the old one or the new one.
func (u *users) save() error {
	text, err := json.MarshalIndent(u.all, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(u.path), ".users-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), u.path)
}

// byMail finds an account; upper and lower case do not matter.
func (u *users) byMail(mail string) (user, bool) {
	return u.find(func(x *user) bool { return x.Mail == normal(mail) })
}

func (u *users) byPrincipal(principal string) (user, bool) {
	return u.find(func(x *user) bool { return x.Principal == principal })
}

func (u *users) find(is func(*user) bool) (user, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.all {
		if is(&u.all[i]) {
			return u.all[i], true
		}
	}
	return user{}, false
}

func normal(mail string) string { return strings.ToLower(strings.TrimSpace(mail)) }

// setPassword is durable when it returns nil. was is the hash that the old password was verified
// against: if the account has another hash by now, nothing is changed (errChanged). Empty: any
// hash will do.
func (u *users) setPassword(ctx context.Context, principal, was, password string) error {
	var h string
	err := u.hashing.do(ctx, func() (err error) {
		h, err = hash(password)
		return err
	})
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.all {
		if x := &u.all[i]; x.Principal == principal {
			before := x.Hash
			if was != "" && was != before {
				return errChanged
			}
			x.Hash = h
			if err := u.save(); err != nil {
				x.Hash = before
				return err
			}
			return nil
		}
	}
	return fmt.Errorf("no account %s", principal)
}

// setMail changes an account's address, durably, and returns the one before. It fails with
// errTaken if another account has it.
func (u *users) setMail(principal, mail string) (before string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	own := -1
	for i, x := range u.all {
		if x.Principal == principal {
			own = i
		} else if x.Mail == normal(mail) {
			return "", errTaken
		}
	}
	if own < 0 {
		return "", fmt.Errorf("no account %s", principal)
	}
	before = u.all[own].Mail
	u.all[own].Mail = normal(mail)
	if err := u.save(); err != nil {
		u.all[own].Mail = before
		return "", err
	}
	return before, nil
}

// remove deletes an account, durably. Nobody else ever gets its principal. It may be repeated.
func (u *users) remove(principal string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.all
	u.all = slices.DeleteFunc(slices.Clone(u.all), func(x user) bool { return x.Principal == principal })
	if err := u.save(); err != nil {
		u.all = before
		return err
	}
	return nil
}

// gone reports whether an account was deleted. Without a file no account was.
func (u *users) gone(principal string) bool {
	_, exists := u.byPrincipal(principal)
	return u.path != "" && !exists
}

// looksLikeMail refuses texts that no mail could be sent to. Only a mail shows whether it
// arrives.
func looksLikeMail(mail string) bool {
	mail = normal(mail)
	local, domain, _ := strings.Cut(mail, "@")
	return local != "" && domain != "" && len(mail) <= 254 && !strings.ContainsFunc(mail, func(r rune) bool {
		return r <= ' ' || r == 0x7f
	})
}
