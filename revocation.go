package revocast

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what a revocation may carry. Beyond them the answer is [ErrInvalid].
const (
	MaxID     = 4096 // bytes of an id, issuer or exception
	MaxReason = 256  // bytes of a reason or initiator
	MaxBatch  = 500  // revocations in one call
	MaxSealed = 1024 // bytes of a sealed name
)

// MaxLeeway is the longest that a verifier may accept a token past its exp. The ledger keeps every
// revocation [UntilMargin] longer than the tokens that it covers. That is MaxLeeway and a minute
// for clocks. A longer leeway would revive what is revoked.
const (
	MaxLeeway   = 5 * time.Minute
	UntilMargin = MaxLeeway + time.Minute
)

// Revocation is the durable decision that something is no longer good. It cannot
// be taken back: see [Ban] for what can.
type Revocation struct {
	Scope Scope
	// ID names what is revoked: a jti, sid, sub, client, tenant or kid. Any
	// non-empty valid UTF-8 of at most [MaxID] bytes; empty for [ScopeAll].
	ID string
	// Issuer is the issuer (iss) that the ID belongs to. Empty means the ledger's default issuer;
	// with [ScopeAll] it means every issuer of the realm.
	Issuer string

	// CutOff kills tokens issued at or before it. It is in the issuer's own time, as iat is. A
	// cut-off that is further ahead than the terms' skew is not accepted. Zero means now: the
	// ledger's time plus the lead that the issuer's clock is known to have. Not for token and
	// session, which are dead outright.
	CutOff time.Time
	// AsOf is when the revocation was decided, by the ledger's clock, where that was before the
	// call. A zero CutOff then means that time instead of now, and never an earlier time, even
	// where the issuer's clock is behind. Stores that use the time of the ledger's Redis set it.
	AsOf time.Time
	// Until is when the last covered token expires; for a token, its exp. The ledger adds
	// [UntilMargin]. Zero means what the ledger's longest lifetime implies. For every scope but
	// token, an earlier Until counts as zero, because to forget a revocation sooner is to
	// un-revoke.
	Until time.Time
	// Except spares one session (a sid): "log out my other devices". Only with a
	// scope that has a cut-off.
	Except string

	Cause
}

// Cause is why something was decided, and who asked for it. It decides nothing: people read it, so
// do not put personal data in it. Both words are at most [MaxReason] bytes and may be empty.
type Cause struct {
	Reason    string // free text
	Initiator string // "user", "admin", "policy", "system", or your own word
}

// Ban refuses every token of a principal, newer ones too, until a time. It is the only decision
// that can be lifted early; see [Publisher.Unban].
type Ban struct {
	Principal string
	Issuer    string    // empty: the ledger's default issuer
	From      time.Time // zero: now
	Until     time.Time // required
	Cause
}

// Invalidation makes caches drop what they hold of a session or a principal and load it again.
// Nobody is revoked.
type Invalidation struct {
	Scope  Scope // session or principal
	ID     string
	Issuer string // empty: the ledger's default issuer
}

// PasswordChange says whose password was changed.
type PasswordChange struct {
	Principal   string
	Issuer      string // empty: the ledger's default issuer
	KeepSession string // the sid of the session that changed it and goes on; may be empty
	Initiator   string // as in [Cause]; the reason is "password-change"
}

// Revocation ends the principal's sessions, except the one that is kept.
func (c PasswordChange) Revocation() Revocation {
	return Revocation{
		Scope: ScopePrincipal, ID: c.Principal, Issuer: c.Issuer, Except: c.KeepSession,
		Cause: Cause{Reason: "password-change", Initiator: c.Initiator},
	}
}

// Proposal checks r and returns the event that a publisher of the realm proposes to the
// ledger for it. It fails with [ErrInvalid].
func (r Revocation) Proposal(realm, defaultIssuer string) (Event, error) {
	issuer, err := r.check(defaultIssuer)
	if err != nil {
		return Event{}, err
	}
	e := Event{
		Kind: KindRevoked, Scope: r.Scope, Key: KeyOf(realm, r.Scope, issuer, r.ID),
		Cause: r.Cause,
	}
	if issuer != "" {
		e.Reckoned.Issuer = IssuerKey(realm, issuer)
	}
	if r.Scope.Outright() {
		e.CutOff = Forever
	} else if e.CutOff, err = unixMilli("cut-off", r.CutOff); err != nil {
		return Event{}, err
	}
	if e.Until, err = unixMilli("until", r.Until); err != nil {
		return Event{}, err
	}
	if e.From, err = unixMilli("as of", r.AsOf); err != nil {
		return Event{}, err
	}
	if r.Except != "" {
		e.Except = KeyOf(realm, ScopeSession, issuer, r.Except)
	}
	return e, nil
}

func (r Revocation) check(defaultIssuer string) (issuer string, err error) {
	if !r.Scope.Valid() {
		return "", fmt.Errorf("%w: a revocation needs a scope", ErrInvalid)
	}
	if err := checkWords(r.Reason, r.Initiator); err != nil {
		return "", err
	}
	if r.Scope.Outright() && !(r.CutOff.IsZero() && r.AsOf.IsZero()) {
		return "", fmt.Errorf("%w: a %s is dead outright and takes no cut-off", ErrInvalid, r.Scope)
	}
	if !r.CutOff.IsZero() && !r.AsOf.IsZero() {
		return "", fmt.Errorf("%w: a revocation has a cut-off or a time as of which it was decided, not both",
			ErrInvalid)
	}
	if r.Except != "" {
		if r.Scope.Outright() {
			return "", fmt.Errorf("%w: a %s has no exception", ErrInvalid, r.Scope)
		}
		if err := checkID("except", r.Except); err != nil {
			return "", err
		}
	}
	if r.Scope == ScopeAll {
		return checkAll(r, defaultIssuer)
	}
	if err := checkID("id", r.ID); err != nil {
		return "", err
	}
	return pickIssuer(r.Issuer, defaultIssuer)
}

// checkAll lets the issuer of scope all stay empty, which covers the whole realm. With an exception
// it needs one: the exception names a session, and a session has an issuer.
func checkAll(r Revocation, defaultIssuer string) (issuer string, err error) {
	if r.ID != "" {
		return "", fmt.Errorf("%w: scope all takes no id", ErrInvalid)
	}
	if r.Except != "" && r.Issuer == "" {
		return "", fmt.Errorf("%w: scope all with an exception needs the issuer of the session that is spared",
			ErrInvalid)
	}
	if r.Issuer == "" {
		return "", nil
	}
	return pickIssuer(r.Issuer, defaultIssuer)
}

// Proposal is as [Revocation.Proposal].
func (b Ban) Proposal(realm, defaultIssuer string) (Event, error) {
	issuer, err := checkPrincipal(b.Principal, b.Issuer, defaultIssuer)
	if err != nil {
		return Event{}, err
	}
	if err := checkWords(b.Reason, b.Initiator); err != nil {
		return Event{}, err
	}
	if b.Until.IsZero() {
		return Event{}, fmt.Errorf("%w: a ban needs an end (until)", ErrInvalid)
	}
	if !b.From.IsZero() && !b.From.Before(b.Until) {
		return Event{}, fmt.Errorf("%w: the ban ends before it starts", ErrInvalid)
	}
	e := Event{
		Kind: KindBanned, Scope: ScopePrincipal, Key: KeyOf(realm, ScopePrincipal, issuer, b.Principal),
		Cause: b.Cause,
	}
	if e.Until, err = unixMilli("until", b.Until); err != nil {
		return Event{}, err
	}
	if e.From, err = unixMilli("from", b.From); err != nil {
		return Event{}, err
	}
	return e, nil
}

// LiftProposal is as [Revocation.Proposal], for the end of the ban.
func (b Ban) LiftProposal(realm, defaultIssuer string) (Event, error) {
	issuer, err := checkPrincipal(b.Principal, b.Issuer, defaultIssuer)
	if err != nil {
		return Event{}, err
	}
	if err := checkWords(b.Reason, b.Initiator); err != nil {
		return Event{}, err
	}
	return Event{
		Kind: KindLifted, Scope: ScopePrincipal, Key: KeyOf(realm, ScopePrincipal, issuer, b.Principal),
		Cause: b.Cause,
	}, nil
}

// Proposal is as [Revocation.Proposal].
func (i Invalidation) Proposal(realm, defaultIssuer string) (Event, error) {
	if i.Scope != ScopeSession && i.Scope != ScopePrincipal {
		return Event{}, fmt.Errorf("%w: invalidate takes scope session or principal", ErrInvalid)
	}
	if err := checkID("id", i.ID); err != nil {
		return Event{}, err
	}
	issuer, err := pickIssuer(i.Issuer, defaultIssuer)
	if err != nil {
		return Event{}, err
	}
	return Event{Kind: KindInvalidated, Scope: i.Scope, Key: KeyOf(realm, i.Scope, issuer, i.ID)}, nil
}

func checkPrincipal(principal, issuer, defaultIssuer string) (string, error) {
	if err := checkID("principal", principal); err != nil {
		return "", err
	}
	return pickIssuer(issuer, defaultIssuer)
}

func checkID(field, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: %s is empty", ErrInvalid, field)
	case len(id) > MaxID:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrInvalid, field, len(id), MaxID)
	case !utf8.ValidString(id):
		return fmt.Errorf("%w: %s is not valid UTF-8", ErrInvalid, field)
	}
	return nil
}

// pickIssuer fails rather than guess: a key made with the wrong issuer would
// match no token, and the revocation would be in force nowhere.
func pickIssuer(issuer, defaultIssuer string) (string, error) {
	if issuer == "" {
		issuer = defaultIssuer
	}
	if issuer == "" {
		return "", fmt.Errorf("%w: no issuer given and the ledger has no default issuer, which is chosen when a "+
			"realm is made: name one, with --issuer or as \"issuer\"", ErrInvalid)
	}
	if err := checkID("issuer", issuer); err != nil {
		return "", err
	}
	return issuer, nil
}

func checkWords(reason, initiator string) error {
	for _, w := range [...]struct{ field, text string }{{"reason", reason}, {"initiator", initiator}} {
		if len(w.text) > MaxReason {
			return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrInvalid, w.field, len(w.text),
				MaxReason)
		}
		if !utf8.ValidString(w.text) || strings.ContainsFunc(w.text, isControl) {
			return fmt.Errorf("%w: %s has control characters or is not valid UTF-8", ErrInvalid, w.field)
		}
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// unixMilli turns an optional time into Unix milliseconds. Before 1970 there were
// no tokens, and past [Forever] a Lua number is no longer exact.
func unixMilli(field string, t time.Time) (int64, error) {
	if t.IsZero() {
		return 0, nil
	}
	ms := t.UnixMilli()
	if ms <= 0 || t.Year() > 9999 {
		return 0, fmt.Errorf("%w: %s %s is not between 1970 and 9999", ErrInvalid, field, t.UTC().Format(time.RFC3339))
	}
	return ms, nil
}
