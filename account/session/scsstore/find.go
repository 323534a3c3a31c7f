package scsstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
)

// kept is what the guard caches of a session, in the claims' Extra under its name.
type kept struct {
	data    []byte
	version string
}

const keptName = "scs"

// Find is FindCtx without a context.
func (s *Store) Find(token string) (b []byte, found bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
	defer cancel()
	return s.FindCtx(ctx, token)
}

// FindCtx implements [scs.CtxStore]: from memory while the worker holds its lease. It fails
// with [revocast.ErrUnknown] where it cannot be known whether the session is good.
func (s *Store) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	if !secret.Looks(token) {
		return nil, false, nil
	}
	claims, v := s.guard.CheckSession(ctx, token)
	switch v.Outcome {
	case revocast.Allowed:
		k, ok := claims.Extra[keptName].(kept)
		return bytes.Clone(k.data), ok, nil
	case revocast.Unknown:
		return nil, false, fmt.Errorf("scsstore: %w", v.Err)
	default:
		return nil, false, nil
	}
}

// load reads a session for the guard.
func (s *Store) load(ctx context.Context, token string) (*revocast.Claims, error) {
	hash := secret.Hash(token)
	word, r, err := s.run(ctx, findScript, hash)
	if err != nil {
		return nil, err
	}
	if word == "none" {
		return nil, revocast.ErrNotFound
	}
	k := kept{data: []byte(r.Text()), version: r.Text()}
	created, expires, now := time.UnixMilli(r.Int()), time.UnixMilli(r.Int()), time.UnixMilli(r.Int())
	if r.Err != nil {
		return nil, r.Err
	}
	c := &revocast.Claims{
		Issuer: s.o.Issuer, Session: hash[:sidLen], IssuedAt: created, Expires: expires,
		// The guard compares it with its own clock, so only the remaining time comes from Redis.
		AcceptUntil: time.Now().Add(expires.Sub(now)),
		Extra:       map[string]any{keptName: k},
	}
	if s.o.Principal != nil {
		_, values, err := s.o.Codec.Decode(k.data)
		if err != nil {
			return nil, fmt.Errorf("scsstore: decode session: %w", err)
		}
		c.Principal = s.o.Principal(values)
	}
	return c, nil
}
