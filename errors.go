package revocast

import "errors"

// The sentinels say what an error means to the caller; test with [errors.Is]. An error may wrap a
// second one as its cause, such as ErrNotRunning behind ErrPending.
var (
	// ErrInvalid: the request is wrong and will be wrong again; nothing was done.
	// The text says what to change. Compare [ErrConflict].
	ErrInvalid = errors.New("invalid request")

	// ErrConflict: an idempotency key was used before for something else, or the
	// ledger is not in the state the call needs. Nothing was done.
	ErrConflict = errors.New("conflict")

	// ErrUnavailable: a store could not be reached or did not answer in time, and nothing is known
	// to have been committed. Try again. When the outcome is not known you get [ErrOutcomeUnknown]
	// instead.
	ErrUnavailable = errors.New("unavailable")

	// ErrOutcomeUnknown: the commit was sent and no answer came. Run the call again
	// with the same idempotency key: it will not be done twice.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	// ErrPending comes together with a valid receipt: the revocation is committed, but the context
	// ended before the requested strength was reached. The work goes on in the background;
	// [Publisher.Await] waits for it.
	ErrPending = errors.New("committed, not yet confirmed")

	// ErrNotRunning: the component's Run is not active, so the call could never end.
	ErrNotRunning = errors.New("not running")

	// ErrUninitialised: the ledger holds no epoch: a new, emptied or wrong Redis. It
	// is never read as "nobody is revoked".
	ErrUninitialised = errors.New("ledger is not initialised")

	// ErrRecovering: Redis was restarted, promoted or emptied, and the ledger is
	// being refilled. Wait; it takes seconds.
	ErrRecovering = errors.New("ledger is recovering")

	// ErrFenced: another Redis carries on this realm's history. This one must not
	// be used before an operator has repaired it.
	ErrFenced = errors.New("ledger is fenced")

	// ErrEpoch: the ledger is in another epoch than the caller said.
	ErrEpoch = errors.New("another epoch")

	// ErrStreamLost: the stream is not the one it was, or has lost messages.
	ErrStreamLost = errors.New("the stream has lost events")

	// ErrTrimmed: the log no longer reaches back to the position asked for: drop everything and
	// load again.
	ErrTrimmed = errors.New("log is trimmed past this position")

	// ErrUnsuited: a store is reachable but must not be used as it is configured:
	// too old, no persistence, evicting, no JetStream. The text holds the command
	// that mends it.
	ErrUnsuited = errors.New("store is not suited")

	// ErrNames: this process does not have the secret that the realm's names are hashed with, or has
	// another one. Give it the realm's file.
	ErrNames = errors.New("not the realm's name secret")

	// ErrNotFound: nothing is revoked or banned under the name that was given, or there is no such
	// receipt.
	ErrNotFound = errors.New("not found")
)

// The errors of tokens. All of them mean "refuse" (401), never "unknown". A [Verifier] wraps
// exactly one.
var (
	// ErrToken is the category: errors.Is(err, ErrToken) holds for all below.
	ErrToken = errors.New("token refused")

	ErrMalformed    = tokenError("malformed token")
	ErrSignature    = tokenError("signature is not valid")
	ErrExpired      = tokenError("token has expired")
	ErrNotYetValid  = tokenError("token is not valid yet")
	ErrClaims       = tokenError("token claims are not acceptable")
	ErrMissingToken = tokenError("no token")

	// ErrRevoked is also the cause of a context that [Guard.Bind] cancelled.
	ErrRevoked = tokenError("revoked")
	// ErrBanned comes together with ErrRevoked when a ban refuses the token.
	ErrBanned = tokenError("banned")
)

// ErrUnknown: it could not be established whether the token is revoked. Answer
// 503, never 401 (clients throw their tokens away) and never 200.
var ErrUnknown = errors.New("revocation state unknown")

type tokenSentinel struct{ text string }

func tokenError(text string) error { return &tokenSentinel{text} }

func (e *tokenSentinel) Error() string        { return e.text }
func (e *tokenSentinel) Is(target error) bool { return target == ErrToken }
