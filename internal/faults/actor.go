package faults

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
)

// An actor is patient or not. One that gives up leaves behind a call that may take effect at any
// time; the guarantees must hold then too.
const (
	patient   = 40 * time.Second
	impatient = 1500 * time.Millisecond
)

// actor plays principals, one after the other: each logs in on two devices, something is revoked,
// and some log in again.
type actor struct {
	*Load
	random *mathrand.Rand
	name   string
	rest   time.Duration
	lives  int
}

func (a *actor) run(ctx context.Context) {
	for a.idle(ctx) {
		a.lives++
		principal := fmt.Sprintf("%s-%d", a.name, a.lives)
		if a.random.IntN(6) == 0 {
			a.banned(ctx, principal)
		} else {
			a.revoked(ctx, principal)
		}
	}
}

func (a *actor) idle(ctx context.Context) bool {
	return pause(ctx, a.rest/2+mathrand.N(a.rest))
}

func (a *actor) patience() time.Duration {
	if a.random.IntN(4) == 0 {
		return impatient
	}
	return patient
}

// devices logs a principal in twice, with two tokens each.
func (a *actor) devices(principal string) (first, second []*held) {
	for i := range 4 {
		session := fmt.Sprintf("%s-s%d", principal, i/2)
		t := a.login(principal, session, time.Time{})
		if t == nil {
			continue
		}
		if i < 2 {
			first = append(first, t)
		} else {
			second = append(second, t)
		}
	}
	return first, second
}

// revoked is the life of a principal of whom something is revoked.
func (a *actor) revoked(ctx context.Context, principal string) {
	first, second := a.devices(principal)
	if len(first) < 2 || len(second) < 2 || !a.idle(ctx) {
		return
	}
	patience := a.patience()
	switch a.random.IntN(4) {
	case 0: // one token
		a.perform(ctx, a.random, revocation(revocast.Revocation{
			Scope: revocast.ScopeToken, ID: first[0].Claims.TokenID,
		}, first[:1]), patience)
	case 1: // one device
		a.perform(ctx, a.random,
			revocation(revocast.Revocation{Scope: revocast.ScopeSession, ID: first[0].Claims.Session}, first), patience)
	case 2: // all devices but one
		a.perform(ctx, a.random, revocation(revocast.Revocation{
			Scope: revocast.ScopePrincipal, ID: principal, Except: first[0].Claims.Session,
		}, second), patience)
	default: // all devices, and a new login that must live
		receipt, call := a.perform(ctx, a.random, revocation(revocast.Revocation{
			Scope: revocast.ScopePrincipal, ID: principal,
		}, append(first, second...)), patience)
		if call.Ret == never {
			return // nobody knows which logins the cut-off will cover
		}
		if t := a.login(principal, principal+"-s2", receipt.NotBefore); t != nil {
			a.everywhere(ctx, []*held{t})
		}
	}
}

func revocation(r revocast.Revocation, covers []*held) request {
	return request{
		name: fmt.Sprintf("revoke %s %s", r.Scope, r.ID), value: Refused, covers: covers,
		do: func(ctx context.Context, c *client.Client, key revocast.CallOption) (revocast.Receipt, error) {
			return c.Revoke(ctx, r, key)
		},
	}
}

// banned is the life of a principal who is banned and let in again. It waits for each change
// before it makes the next, since of two calls at the same time it is not known which one wins.
func (a *actor) banned(ctx context.Context, principal string) {
	first, second := a.devices(principal)
	covers := append(first, second...)
	for range 1 + a.random.IntN(3) {
		for _, q := range []request{ban(principal, covers), lift(principal, covers)} {
			if !a.idle(ctx) {
				return
			}
			if _, call := a.perform(ctx, a.random, q, 10*patient); call.Ret == never {
				return
			}
		}
	}
}

func ban(principal string, covers []*held) request {
	b := revocast.Ban{Principal: principal, Until: time.Now().Add(time.Hour)}
	return request{
		name: "ban " + principal, value: Refused, covers: covers,
		do: func(ctx context.Context, c *client.Client, key revocast.CallOption) (revocast.Receipt, error) {
			return c.Ban(ctx, b, key)
		},
	}
}

func lift(principal string, covers []*held) request {
	return request{
		name: "lift the ban of " + principal, value: Allowed, covers: covers,
		do: func(ctx context.Context, c *client.Client, key revocast.CallOption) (revocast.Receipt, error) {
			return c.Unban(ctx, revocast.Ban{Principal: principal}, key)
		},
	}
}
