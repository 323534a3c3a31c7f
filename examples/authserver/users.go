package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/alexedwards/argon2id"
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
	hashing chan struct{} // argon2id takes 64 MiB each time: so many at once
	nobody  string        // a hash that no password has

	mu  sync.Mutex // guards all and the file
	all []user
}

var (
	errWrongPassword = errors.New("wrong password")
	errChanged       = errors.New("the password was changed meanwhile")
)

// openUsers reads the file, and the first time makes it, with two accounts.
func openUsers(path string) (*users, error) {
	u := &users{path: path, hashing: make(chan struct{}, max(1, runtime.NumCPU()/2))}
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

func hash(password string) (string, error) {
	return argon2id.CreateHash(password, argon2id.DefaultParams)
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

// byMail finds an account; mail in any case.
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

// verify compares a password. For somebody who does not exist (an empty hash) it takes as
// long, or the time would tell who has an account.
func (u *users) verify(ctx context.Context, hash, password string) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	defer u.leave()
	exists := hash != ""
	if !exists {
		hash = u.nobody
	}
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	switch {
	case err != nil:
		return err
	case !match || !exists:
		return errWrongPassword
	}
	return nil
}

func (u *users) enter(ctx context.Context) error {
	select {
	case u.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (u *users) leave() { <-u.hashing }

// setPassword is durable when it returns nil. was is the hash that the old password was
// verified against: where the account has another by now nothing is changed (errChanged).
// Empty: whichever it has.
func (u *users) setPassword(ctx context.Context, principal, was, password string) error {
	if err := u.enter(ctx); err != nil {
		return err
	}
	h, err := hash(password)
	u.leave()
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
