package code

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

var (
	// ErrCode: the code is not good. It comes as a [*Refusal]; its text, and what the
	// user is told, is the same whatever the cause.
	ErrCode = errors.New("the code is not valid")

	// ErrClaimed: the code is right, but another call of [Store.Claim] holds it for the same step.
	// It comes as a [*ClaimedError], and only a caller that has the code gets it.
	ErrClaimed = errors.New("the code is being used")

	// ErrResend: it is too early for another code. It comes as a [*ResendError].
	ErrResend = errors.New("too early for another code")
)

// Why says what is wrong with a code, for logs and metrics, never for the user.
type Why string

// The causes.
const (
	Malformed Why = "malformed" // it cannot be a code, and was not looked up
	Unknown   Why = "unknown"   // there is none, or it expired long ago
	Wrong     Why = "wrong"     // there is another
	Expired   Why = "expired"
	Used      Why = "used"
	Spent     Why = "spent"     // there were too many wrong guesses
	Discarded Why = "discarded" // by [Store.Discard]
	Bound     Why = "bound"     // it is right, and claimed for another step
	// Superseded, by [Store.Supersede] or from package reset: since the code was made, or first
	// used, the password was changed in another way.
	Superseded Why = "superseded"
)

// Refusal is [ErrCode] with details for logs.
type Refusal struct {
	Why Why
	// Left is how many wrong guesses there is room for; 0 where none are counted.
	Left int
}

// Error is the text of [ErrCode], which tells nothing.
func (r *Refusal) Error() string { return ErrCode.Error() }

// Is makes a Refusal an [ErrCode].
func (r *Refusal) Is(target error) bool { return target == ErrCode }

// LogValue implements [slog.LogValuer].
func (r *Refusal) LogValue() slog.Value {
	return slog.GroupValue(slog.String("why", string(r.Why)), slog.Int("left", r.Left))
}

// ClaimedError is [ErrClaimed] with when the claim ends unless it is finished.
type ClaimedError struct{ RetryAfter time.Duration }

func (e *ClaimedError) Error() string {
	return fmt.Sprintf("%v; its claim ends within %v", ErrClaimed, e.RetryAfter)
}

// Is makes it an [ErrClaimed].
func (e *ClaimedError) Is(target error) bool { return target == ErrClaimed }

// ResendError is [ErrResend] with when the next code can be had.
type ResendError struct{ RetryAfter time.Duration }

func (e *ResendError) Error() string { return fmt.Sprintf("%v, in %v", ErrResend, e.RetryAfter) }

// Is makes it an [ErrResend].
func (e *ResendError) Is(target error) bool { return target == ErrResend }
