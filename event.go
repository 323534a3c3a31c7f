package revocast

import "fmt"

// Kind says what an [Event] reports. The zero value is no kind.
type Kind uint8

// The kinds of events.
const (
	KindRevoked     Kind = iota + 1 // something was revoked
	KindBanned                      // a principal was banned until a time
	KindLifted                      // a ban was lifted
	KindInvalidated                 // cached data may be wrong: drop and reload; nobody is revoked
)

// Kinds lists all kinds in order.
var Kinds = [...]Kind{KindRevoked, KindBanned, KindLifted, KindInvalidated}

var kindNames = [...]string{"", "revoked", "banned", "lifted", "invalidated"}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return k >= KindRevoked && k <= KindInvalidated }

// String returns the kind's name as the wire and the logs spell it.
func (k Kind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// ParseKind is the inverse of [Kind.String]; it fails with [ErrInvalid].
func ParseKind(text string) (Kind, error) {
	for _, k := range Kinds {
		if kindNames[k] == text {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%w: event kind %q", ErrInvalid, clip(text))
}

// Event is one fact of the ledger's history, as the log, the wire and the index
// hold it. Times are Unix milliseconds on the ledger's clock.
//
// As input to [Ledger.Commit] it is a proposal: Position is zero, and At is the time as the
// publisher reckons it, or zero. A zero CutOff asks the ledger to fill in its own time. A zero
// Until asks it to fill in its own time plus the longest lifetime of the scope.
type Event struct {
	Position Position
	Kind     Kind
	Scope    Scope
	Key      Key
	// Names is how many of the realm's name secrets Key and Except are made with, see package names.
	Names uint8
	At    int64 // when it was committed

	CutOff int64 // revoked: tokens issued at or before are dead; [Forever] for token and session
	Except Key   // revoked: key of the session that is spared; zero: none
	Until  int64 // when the resulting state may be forgotten; banned: the ban's end
	From   int64 // banned: the ban's start; zero: now. Revoked, proposed: [Revocation.AsOf]

	Cause

	// Sealed is the name that the key was made of, sealed for publishers that hold the realm's name
	// keys, at most [MaxSealed] bytes; empty: it was not sealed. See package names.
	Sealed string

	// Reckoned goes with a proposal. It is zero in every other event.
	Reckoned Reckoning

	// Refill is not zero on an event that a refill published again; it is the number of that
	// refill. The event is a part of a state, and bears the position of the state's latest change.
	// To have it does not mean to have that revision.
	Refill uint64
}

// Reckoning is what a publisher tells the ledger so that a cut-off of now is written in the
// issuer's time: see [Sighting]. It is not part of the proposal itself.
type Reckoning struct {
	Issuer Key // [IssuerKey]; zero: every issuer of the realm
	// Ahead is how far, to the publisher's knowledge, the clocks of the fleet are ahead of the
	// ledger's, in milliseconds. An issuer's clock is taken to be that far ahead unless its tokens
	// say otherwise.
	Ahead int64
	// Now is the least that the ledger's clock should show, had it gone on as it did, in Unix
	// milliseconds; zero: not known. A clock that was set back writes no cut-off before Now.
	Now int64
	// Lead is [Description.Lead] as the publisher saw it last. It counts while the ledger is
	// unsettled, because the ledger may have lost what was registered.
	Lead int64
}

// State returns what the event adds to the state of its key.
func (e Event) State() State {
	s := State{Until: e.Until, At: e.Position}
	switch e.Kind {
	case KindRevoked:
		s.CutOff, s.Except, s.Floor = e.CutOff, e.Except, e.CutOff
		if !e.Except.IsZero() {
			s.Floor = 0
		}
	case KindBanned:
		s.Ban = BanState{From: e.From, Until: e.Until, At: e.Position}
	case KindLifted:
		s.Ban = BanState{At: e.Position}
	case KindInvalidated:
		s.Until = 0
	}
	return s
}

// Refuses reports whether the event can make a token refused that was allowed
// before it: a revocation or a ban, not a lift or an invalidation.
func (e Event) Refuses() bool { return e.Kind == KindRevoked || e.Kind == KindBanned }
