package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/secure/precis"
)

// errBusy: so many passwords are being looked at that another one would not be in time.
var errBusy = errors.New("too many passwords are being looked at")

// hashers let so many look at a password at once, and so many wait: argon2id takes 64 MiB and
// a core each time, and whoever sends a thousand logins at once must not get a thousand
// times that, nor a queue that nobody comes to the end of.
type hashers struct {
	at, waiting chan struct{}
}

const waitersEach = 16 // for each that is at it: a second or two

func newHashers(n int) hashers {
	return hashers{at: make(chan struct{}, n), waiting: make(chan struct{}, n*(1+waitersEach))}
}

func defaultHashers() hashers { return newHashers(max(1, runtime.NumCPU()/2)) }

// do runs f when it is its turn. It fails with errBusy at once where too many wait.
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

// normalPassword makes one of all spellings of a password, as keyboards and systems differ in
// what they send for the same keys: the profile OpaqueString (RFC 8265 §4.2), which maps other
// spaces to the ASCII one, composes characters (NFC), and changes nothing else. It refuses
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

// verify compares a password. For somebody who does not exist (an empty hash) it takes as
// long, or the time would tell who has an account.
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
