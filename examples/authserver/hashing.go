package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/secure/precis"
)

// errBusy: so many passwords are being checked that another one would not be checked in time.
var errBusy = errors.New("too many passwords are being looked at")

// hashers limits how many passwords are checked at a time, and how many wait. argon2id takes 64
// MiB and a core for each. A client that sends a thousand logins together must not get a thousand
// times that, nor a queue without end.
type hashers struct {
	at, waiting chan struct{}
}

const waitersEach = 16 // waiting places for each running check: a second or two

func newHashers(n int) hashers {
	return hashers{at: make(chan struct{}, n), waiting: make(chan struct{}, n*(1+waitersEach))}
}

func defaultHashers() hashers { return newHashers(max(1, runtime.NumCPU()/2)) }

// do runs f when it is its turn. If too many wait, it fails with errBusy immediately.
func (h hashers) do(ctx context.Context, f func() error) error {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return errBusy
	}
	select {
	case h.at <- struct{}{}:
		defer func() { <-h.at }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errBusy, ctx.Err())
	}
	return f()
}

// normalPassword maps all spellings of a password to one, because keyboards and systems send
// different characters for the same keys: the profile OpaqueString (RFC 8265 §4.2), which maps
// other spaces to the ASCII one, composes characters (NFC), and changes nothing else. It refuses
// what nobody can type, such as control characters.
func normalPassword(password string) (string, error) {
	text, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", fmt.Errorf("it has characters that no password may have: %w", err)
	}
	return text, nil
}

func hash(password string) (string, error) {
	text, err := normalPassword(password)
	if err != nil {
		return "", err
	}
	return argon2id.CreateHash(text, argon2id.DefaultParams)
}

// verify compares a password. For an account that does not exist (an empty hash) it takes equally
// long; otherwise the time would reveal who has an account.
func (u *users) verify(ctx context.Context, hash, password string) error {
	text, invalid := normalPassword(password)
	exists := hash != ""
	if !exists {
		hash = u.nobody
	}
	return u.hashing.do(ctx, func() error {
		match, err := argon2id.ComparePasswordAndHash(text, hash)
		switch {
		case err != nil:
			return err
		case !match || !exists || invalid != nil:
			return errWrongPassword
		}
		return nil
	})
}
