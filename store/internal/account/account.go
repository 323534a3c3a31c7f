// Package account is what the account stores have in common: their keys, and the start of
// their scripts.
package account

import (
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/store/internal/script"
)

//go:embed lua/account.lua
var prelude string

// Script makes a script of an account store; parts follow what every one starts with.
func Script(name string, e script.Effect, parts ...string) *script.Script {
	return script.New(name, e, append([]string{prelude}, parts...)...)
}

// Growing is Script for what adds to the store: it is refused when memory is used up.
func Growing(name string, e script.Effect, parts ...string) *script.Script {
	return script.NewGrowing(name, e, append([]string{prelude}, parts...)...)
}

// Keys are the keys that every script of a realm's account stores is called with, after
// the realm's name and the client have been looked at. It fails with
// [revocast.ErrInvalid].
func Keys(rdb redis.UniversalClient, realm string) ([]string, error) {
	prefix, err := script.Prefix(realm)
	if err != nil {
		return nil, err
	}
	if err := script.Vet(rdb); err != nil {
		return nil, err
	}
	return []string{prefix + "a:owed"}, nil
}
