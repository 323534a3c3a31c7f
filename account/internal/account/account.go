// Package account is what the account stores have in common: their keys, the start of their
// scripts, and the two clocks that the scripts use.
//
// # Two clocks
//
// Redis' clock is one machine's: it can be set wrong, and a replica that is promoted brings
// its own. So every script is told the caller's clock too ([Realm.Run]), and each judgement
// says which of the two it trusts:
//
//   - A cut-off, and every other end as of a time, needs both: where they are more than ten seconds
//     apart nobody knows what "now" is, and the script refuses before it has changed anything. An
//     earlier cut-off would spare a thief, a later one would keep the user out.
//   - A login begins at the earlier of the two where they are that far apart: the sooner it
//     began, the more cut-offs cover it.
//   - Where they agree it is Redis' time, which all processes share, and it never goes
//     back: a failover to a server that is some seconds behind does not put a cut-off
//     before the logins that it is to cover, or a login before the cut-off it comes after.
//   - A denial or a debt is over once both say so; a debt is due once either says so.
package account

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

//go:embed lua/account.lua
var prelude string

// Script makes a script of an account store; parts follow the beginning that all of them share.
func Script(name string, e script.Effect, parts ...string) *script.Script {
	return script.New(name, e, append([]string{prelude}, parts...)...)
}

// Growing is Script for a script that adds to the store: Redis refuses it when memory is used up.
func Growing(name string, e script.Effect, parts ...string) *script.Script {
	return script.NewGrowing(name, e, append([]string{prelude}, parts...)...)
}

// Realm is where the scripts of a realm's account stores run.
type Realm struct {
	Keys []string // that every script is called with

	rdb   redis.UniversalClient
	clock port.Clock
}

// Open returns the realm of that name, after its name and the client have been looked at.
// clock is the caller's; nil: the system's. It fails with [revocast.ErrInvalid].
func Open(rdb redis.UniversalClient, realm string, clock port.Clock) (Realm, error) {
	prefix, err := script.Prefix(realm)
	if err != nil {
		return Realm{}, err
	}
	if err := script.Vet(rdb); err != nil {
		return Realm{}, err
	}
	if clock == nil {
		clock = port.SystemClock()
	}
	return Realm{rdb: rdb, Keys: []string{prefix + "a:owed"}, clock: clock}, nil
}

// Client is the client that the realm was opened with.
func (r Realm) Client() redis.UniversalClient { return r.rdb }

// Run runs a script of this package, which is told the caller's time beside its arguments.
// Errors are those of [script.Script.Run].
func (r Realm) Run(ctx context.Context, s *script.Script, args ...any) (any, error) {
	return s.Run(ctx, r.rdb, r.Keys, append([]any{r.clock.Now().UnixMilli()}, args...)...)
}
