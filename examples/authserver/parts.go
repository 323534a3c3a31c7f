package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/token"
)

const (
	accessLife = 15 * time.Minute
	// loginLife is how long a login lasts however it is used. With the life of its last access
	// token it stays below the ledger's 30 days. Otherwise the guard would refuse that token,
	// because its revocation would be forgotten before it expires.
	loginLife = 29 * 24 * time.Hour
	idleLife  = 7 * 24 * time.Hour

	maxSessions = 20 // of one user

	codeAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // without 0, 1, I and O
)

// parts are the service's parts, except the publisher and the guards.
type parts struct {
	users    *users
	issuer   *token.Issuer
	verifier *token.Verifier
	sessions *session.Store
	refresh  refresh.Options // the store is made with the guard
	redis    redis.UniversalClient
	box      *outbox.Outbox
	limiter  *limit.Limiter
	codes    *code.Store
}

func newParts(f Flags, rdb redis.UniversalClient, box *outbox.Outbox) (p *parts, err error) {
	p = &parts{redis: rdb, box: box}
	if p.users, err = openUsers(filepath.Join(f.Data, "users.json")); err != nil {
		return nil, err
	}
	if p.issuer, p.verifier, err = newIssuer(f.Data); err != nil {
		return nil, err
	}
	p.sessions, err = session.New(
		box, session.Options{Issuer: issuerName, Idle: idleLife, Lifetime: loginLife, Cap: maxSessions},
	)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(filepath.Join(f.Data, "refresh.key"))
	if err != nil {
		return nil, err
	}
	p.refresh = refresh.Options{Key: key, Issuer: issuerName, Lifetime: loginLife, Idle: idleLife}
	if p.limiter, err = limit.New(rdb, realmName, limit.Options{}); err != nil {
		return nil, err
	}
	if key, err = loadKey(filepath.Join(f.Data, "codes.key")); err != nil {
		return nil, err
	}
	// With six digits only a few guesses can be allowed, so a stranger's guesses would keep the
	// user out. Eight characters allow so many guesses that one address cannot use them up: the
	// limiter stops it first.
	p.codes, err = code.New(rdb, realmName, code.Options{Key: key, Digits: 8, Alphabet: codeAlphabet, Attempts: 100})
	return p, err
}

// newIssuer has the access tokens made for this service alone, and none of another kind or for another
// service accepted.
func newIssuer(data string) (*token.Issuer, *token.Verifier, error) {
	key, err := token.LoadOrCreateSigningKey(filepath.Join(data, "issuer.pem"))
	if err != nil {
		return nil, nil, err
	}
	issuer, err := token.NewIssuer(issuerName, key, token.IssuerOptions{Audiences: []string{audience}, TTL: accessLife})
	if err != nil {
		return nil, nil, err
	}
	keys, err := token.Static(issuer.Key())
	if err != nil {
		return nil, nil, err
	}
	verifier, err := token.New(keys, token.Options{
		Issuers: []string{issuerName}, Audiences: []string{audience}, Type: "at+jwt",
	})
	return issuer, verifier, err
}

// loadKey reads 32 random bytes, which it makes the first time.
func loadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key) // never fails
		err = os.WriteFile(path, key, 0o600)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%s: %d bytes, want 32", path, len(key))
	}
	return key, err
}
