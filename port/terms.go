package port

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// Terms are the settings of a realm that the ledger gives to everyone who uses it. They reach
// workers and publishers in its replies, never by flags: a worker with a longer lease than the
// publisher waits for would break guarantee G1.
type Terms struct {
	Lease time.Duration // L: how long after sending a renewal a worker may trust its memory
	Drift float64       // ρ: the most by which a clock may run fast or slow, such as 0.01
	Fence time.Duration // F: how long a cut-off primary goes on accepting scripts; 0 without replicas

	// Skew is σ: how far an issuer's clock may be ahead of the ledger's, or behind it, and still be
	// followed. Tokens from further ahead are refused. Zero: [DefaultSkew].
	Skew time.Duration

	DefaultIssuer string
	// MaxLifetime is the longest that a token covered by a revocation of each scope
	// lives, counted from its issue time as [revocast.Claims.Issued] has it, indexed by scope
	// minus one. Workers refuse tokens that live longer.
	MaxLifetime [revocast.NumScopes]time.Duration

	// Names says which secrets the realm's keys are made with. Zero: none, and somebody who reads a store
	// can test guesses of names against it.
	Names Naming
}

// Naming identifies the secrets that keys are made with, and does not tell them. See package names.
type Naming struct {
	Secrets uint8  // how many
	Check   string // 16 hexadecimal digits that follow from the secrets and the realm; empty: none
}

// Valid reports whether a realm can have n.
func (n Naming) Valid() bool {
	if n.Secrets == 0 {
		return n.Check == ""
	}
	sum, err := hex.DecodeString(n.Check)
	return err == nil && len(sum) == 8 && n.Check == strings.ToLower(n.Check)
}

// The bounds of [Terms.Skew], and what it is where the terms say nothing.
const (
	MinSkew     = time.Second
	DefaultSkew = 10 * time.Second
	MaxSkew     = time.Minute
)

// SkewOrDefault is σ, the default filled in.
func (t Terms) SkewOrDefault() time.Duration {
	if t.Skew == 0 {
		return DefaultSkew
	}
	return t.Skew
}

// LeaseFor is how long a worker trusts its own clock to stay within L.
func (t Terms) LeaseFor() time.Duration {
	return time.Duration(float64(t.Lease) * (1 - t.Drift))
}

// Wait is W: once it has passed on a publisher's clock since a commit's answer,
// every lease granted before the commit has run out, whichever way both clocks drift.
func (t Terms) Wait() time.Duration {
	return t.stretch(t.Lease) + waitMargin
}

// SettleWait is how long after an epoch was opened leases of an earlier one may
// still be alive.
func (t Terms) SettleWait() time.Duration {
	return t.stretch(t.Fence+t.Lease) + waitMargin
}

// FenceWait is how long a recoverer waits before it reads the second log.
func (t Terms) FenceWait() time.Duration {
	if t.Fence == 0 {
		return 0
	}
	return t.stretch(t.Fence) + waitMargin
}

const waitMargin = 10 * time.Millisecond

func (t Terms) stretch(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + t.Drift) / (1 - t.Drift))
}

// DefaultTerms are a lease of 3 s, clocks that run at most 1 % wrong, no replicas, and
// 30 days as the longest lifetime of whatever a revocation covers.
func DefaultTerms() Terms {
	t := Terms{Lease: 3 * time.Second, Drift: 0.01}
	for i := range t.MaxLifetime {
		t.MaxLifetime[i] = 30 * 24 * time.Hour
	}
	return t
}

// Validate fails with [revocast.ErrInvalid] on terms that cannot work.
func (t Terms) Validate() error {
	switch {
	case t.Lease < 100*time.Millisecond || t.Lease > 10*time.Minute:
		return fmt.Errorf("%w: lease %s: want 100ms to 10m", revocast.ErrInvalid, t.Lease)
	case t.Drift < 0 || t.Drift > 0.2:
		return fmt.Errorf("%w: drift %g: want 0 to 0.2", revocast.ErrInvalid, t.Drift)
	case t.Fence < 0 || t.Fence > 10*time.Minute:
		return fmt.Errorf("%w: fence %s: want 0 to 10m", revocast.ErrInvalid, t.Fence)
	}
	if t.Skew != 0 && (t.Skew < MinSkew || t.Skew > MaxSkew || t.Skew%time.Millisecond != 0) {
		return fmt.Errorf("%w: skew %s: want %s to %s, in whole milliseconds", revocast.ErrInvalid, t.Skew, MinSkew,
			MaxSkew)
	}
	if !t.Names.Valid() {
		return fmt.Errorf("%w: names of %d secrets with the check %.32q", revocast.ErrInvalid, t.Names.Secrets,
			t.Names.Check)
	}
	for i, d := range t.MaxLifetime {
		if d < time.Second || d > 10*365*24*time.Hour {
			return fmt.Errorf("%w: longest lifetime of scope %s %s: want 1s to ten years", revocast.ErrInvalid,
				revocast.Scope(i+1), d)
		}
	}
	return nil
}

// StreamOptions are what the terms ask of the stream: it keeps an event for as long as any token
// that the event covers can live, and two hours more.
func (t Terms) StreamOptions() StreamOptions {
	return StreamOptions{MaxAge: t.Retention().Milliseconds()}
}

// Retention is how long the stream keeps an event.
func (t Terms) Retention() time.Duration {
	longest := time.Duration(0)
	for _, d := range t.MaxLifetime {
		longest = max(longest, d)
	}
	return longest + 2*time.Hour
}
