package problem

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// row is what one sentinel looks like from outside.
type row struct {
	sentinel error
	status   int
	slug     string
	title    string
	hint     string
	retry    time.Duration
}

// table returns one row for each sentinel. The order matters for the two that come
// with another: ErrBanned stands before [revocast.ErrRevoked], and the category
// [revocast.ErrToken] last of its kind.
func table() []row {
	const (
		soon  = time.Second
		later = 5 * time.Second
	)
	return []row{
		{revocast.ErrInvalid, http.StatusBadRequest, "invalid-request", "Invalid request", "", 0},
		{
			revocast.ErrConflict, http.StatusConflict, "conflict", "Conflict",
			"an Idempotency-Key belongs to one request: use a new key for a new one", 0,
		},
		{revocast.ErrNotFound, http.StatusNotFound, "not-found", "Not found", "", 0},
		{
			revocast.ErrTrimmed, http.StatusGone, "trimmed", "Log trimmed",
			"start again without Last-Event-ID, and reload what you derived from the events before", 0,
		},

		{
			revocast.ErrOutcomeUnknown, http.StatusServiceUnavailable, "outcome-unknown", "Outcome unknown",
			"repeat the request with the same Idempotency-Key: it will not be done twice", soon,
		},
		{
			revocast.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "Store unavailable",
			"nothing was done; try again", soon,
		},
		{
			revocast.ErrUninitialised, http.StatusServiceUnavailable, "uninitialised", "Ledger not initialised",
			"if this realm is new, run `publisher init`; if it is not, this is the wrong Redis, or one that lost " +
				"its data: check the URL, then `publisher repair`", later,
		},
		{
			revocast.ErrStreamLost, http.StatusServiceUnavailable, "stream-lost", "Stream has lost events",
			"Redis and JetStream have both lost events, so neither can be refilled without loss: restore one from a " +
				"backup; the detail and `publisher repair --help` say what else there is", later,
		},
		{
			revocast.ErrRecovering, http.StatusServiceUnavailable, "recovering", "Ledger recovering",
			"the ledger is being refilled; try again", soon,
		},
		{revocast.ErrFenced, http.StatusServiceUnavailable, "fenced", "Ledger fenced", "another Redis carries on " +
			"this realm: point the program there, or take the realm back with `publisher repair --from redis`", later},
		{
			revocast.ErrUnsuited, http.StatusServiceUnavailable, "unsuited", "Store not suited",
			"the detail names what to change in the store's configuration", later,
		},
		{
			revocast.ErrNames, http.StatusServiceUnavailable, "other-names", "Not the realm's name secret",
			"give the program the realm's secret (--names-secret-file): publishers and workers have the same", later,
		},
		{
			revocast.ErrNotRunning, http.StatusServiceUnavailable, "not-running", "Not running",
			"the program is starting or stopping; try again", soon,
		},
		{
			revocast.ErrEpoch, http.StatusServiceUnavailable, "epoch-changed", "Epoch changed",
			"the ledger has just moved to another epoch; try again", soon,
		},
		{
			revocast.ErrPending, http.StatusServiceUnavailable, "pending", "Not yet confirmed",
			"it is committed and goes on in the background; ask for the receipt", soon,
		},
		{
			revocast.ErrUnknown, http.StatusServiceUnavailable, "revocation-unknown", "Revocation state unknown",
			"keep the token and try again", soon,
		},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout", "Timed out", "try again", soon},

		{
			revocast.ErrMissingToken, http.StatusUnauthorized, "missing-token", "No token",
			"send it as `Authorization: Bearer …`", 0,
		},
		{
			revocast.ErrBanned, http.StatusUnauthorized, "banned", "Principal banned",
			"logging in again does not help before the ban ends", 0,
		},
		{revocast.ErrRevoked, http.StatusUnauthorized, "revoked", "Token revoked", "log in again", 0},
		{revocast.ErrExpired, http.StatusUnauthorized, "expired", "Token expired", "log in again, or refresh", 0},
		{
			revocast.ErrNotYetValid, http.StatusUnauthorized, "not-yet-valid", "Token not valid yet",
			"compare the clocks of the issuer and of this machine", 0,
		},
		{revocast.ErrSignature, http.StatusUnauthorized, "bad-signature", "Token signature not valid", "", 0},
		{revocast.ErrClaims, http.StatusUnauthorized, "bad-claims", "Token claims not acceptable", "", 0},
		{revocast.ErrMalformed, http.StatusUnauthorized, "malformed-token", "Malformed token", "", 0},
		{revocast.ErrToken, http.StatusUnauthorized, "token-refused", "Token refused", "", 0},
	}
}

// From turns an error into a problem: the one it wraps, if it is one; else by the
// table; else an internal error that keeps the text of err to itself. Log err
// where [Problem.Status] is 500.
func From(err error) *Problem {
	if p, ok := As(err); ok {
		return p
	}
	for _, r := range table() {
		if errors.Is(err, r.sentinel) {
			return &Problem{
				Type: Base + r.slug, Title: r.title, Status: r.status,
				Detail: detail(err, r.sentinel), Hint: r.hint, RetryAfter: r.retry,
			}
		}
	}
	return Internal()
}

// Internal is the answer to what should not have happened.
func Internal() *Problem {
	return New(http.StatusInternalServerError, "internal", "Internal error",
		"the program failed in a way it does not know; its log says more")
}

// Sentinel returns the root package's error for a problem type, nil if there is
// none. It is the inverse of [From].
func Sentinel(typ string) error {
	for _, r := range table() {
		if Base+r.slug == typ {
			return r.sentinel
		}
	}
	return nil
}

// detail is the text of err without the sentinel's own words, which the title says
// already.
func detail(err, sentinel error) string {
	return clip(strings.Replace(err.Error(), sentinel.Error()+": ", "", 1), 1024)
}

// clip shortens text to about limit bytes without cutting a character.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
