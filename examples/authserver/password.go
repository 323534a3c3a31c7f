package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/worker"
)

// Lengths of a password (NIST SP 800-63B §3.1.1.2).
const (
	minPassword = 8
	maxPassword = 256
)

func checkNewPassword(password string) error {
	password, err := normalPassword(password)
	if err != nil {
		return fmt.Errorf("%w: %w", reset.ErrRejected, err)
	}
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return fmt.Errorf("%w: want %d to %d characters", reset.ErrRejected, minPassword, maxPassword)
	}
	return nil
}

// setPassword is what package reset calls; was is that of users.setPassword. If two changes have
// both verified the old password, one succeeds and the other is refused.
func (p *parts) setPassword(was string) reset.SetPassword {
	return func(ctx context.Context, principal, password string) error {
		if err := checkNewPassword(password); err != nil {
			return err
		}
		err := p.users.setPassword(ctx, principal, was, password)
		if errors.Is(err, errChanged) || errors.Is(err, errBusy) { // nothing was changed
			return fmt.Errorf("%w: %w", reset.ErrRejected, err)
		}
		return err
	}
}

// newReset returns a reset that sets passwords with set, and ends the logins that the old
// password had opened.
func (p *parts) newReset(log *slog.Logger, set reset.SetPassword) (*reset.Reset, error) {
	return reset.New(p.codes, p.box, set, reset.Options{
		Issuer: issuerName, SetTimeout: 5 * time.Second, Logger: log, End: p.endRecords,
	})
}

// endRecords removes the sessions from their store once the fleet refuses them.
func (p *parts) endRecords(ctx context.Context, principal, keep string) error {
	if keep == "" {
		_, err := p.sessions.EndAll(ctx, principal)
		return err
	}
	_, err := p.sessions.EndOthers(ctx, principal, keep)
	if errors.Is(err, session.ErrNotFound) {
		return nil // Redis has lost them, or the caller's own has ended: the fleet refuses the others all the same
	}
	return err
}

type passwordRequest struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// changePassword changes the user's password and ends all of their other sessions.
func (s *service) changePassword(w http.ResponseWriter, r *http.Request) {
	var in passwordRequest
	if !read(w, r, &in) {
		return
	}
	c, _ := worker.ClaimsFrom(r.Context())
	u, ok := s.users.byPrincipal(c.Principal)
	if !ok {
		problem(w, http.StatusConflict, "this account is gone", "")
		return
	}
	// A stolen session must not guess the password either.
	verified, d, ok := s.checkPassword(w, r, u.Mail, in.Old)
	if !ok {
		return
	}
	change, err := s.newReset(s.log, s.setPassword(verified.Hash))
	if err != nil {
		s.unavailable(w, err)
		return
	}
	ctx, cancel := s.confirming(r)
	defer cancel()
	receipts, err := change.Change(ctx, c.Principal, c.Session, in.New)
	if err == nil {
		if err := s.limiter.Succeed(ctx, d.Attempt); err != nil {
			s.log.Warn("a password was changed, and its earlier failures could not be cleared", "error", err)
		}
	}
	s.passwordSet(w, receipts, err)
}

type resetRequest struct {
	Mail string `json:"mail"`
}

// requestReset sends a code to an account's address, and gives everybody the same answer: a code
// is made for the name that was typed, whether or not an account has it.
func (s *service) requestReset(w http.ResponseWriter, r *http.Request) {
	var in resetRequest
	if !read(w, r, &in) {
		return
	}
	if _, ok := s.begin(w, r, "reset ", in.Mail); !ok {
		return
	}
	u, exists := s.users.byMail(in.Mail)
	by, err := s.asker(r, in.Mail, u, exists)
	if err != nil {
		s.unavailable(w, err)
		return
	}
	made, err := s.codes.CreateFor(r.Context(), reset.Purpose, resetName(u, exists, in.Mail), by)
	var early *code.ResendError
	switch {
	case errors.As(err, &early):
		tooMany(w, early.RetryAfter)
		return
	case errors.Is(err, revocast.ErrInvalid):
		problem(w, http.StatusBadRequest, "want a mail address", "")
		return
	case err != nil:
		s.unavailable(w, err)
		return
	}
	if exists {
		s.mail("mail to %s: your code is %s\n", u.Mail, made.Text)
	}
	reply(w, http.StatusAccepted, map[string]any{"detail": "if there is such an account, a code is on its way"})
}

// asker is who asks for a code. Strangers who ask for somebody's codes use up the strangers'
// allowance. A client that has logged in from here lately, or has a cookie of the account, has
// its own allowance.
func (s *service) asker(r *http.Request, mail string, u user, exists bool) (code.Asker, error) {
	addr := s.address(r)
	known, err := s.limiter.Known(r.Context(), normal(mail), addr)
	if err == nil && !known && exists {
		known = s.hasCookieOf(r, u.Principal)
	}
	return code.Asker{From: limit.Network(addr), Known: known}, err
}

// resetName is whom a code is for. A name without an account maps to a text that is no account's
// principal.
func resetName(u user, exists bool, mail string) string {
	if exists {
		return u.Principal
	}
	return "nobody " + normal(mail)
}

type confirmRequest struct {
	Mail     string `json:"mail"`
	Code     string `json:"code"`
	Password string `json:"password"`
}

// confirmReset sets a new password with a code, and ends everything of its user. Guesses are
// counted per address first: a code allows a hundred in an hour, an address twenty.
func (s *service) confirmReset(w http.ResponseWriter, r *http.Request) {
	var in confirmRequest
	if !read(w, r, &in) {
		return
	}
	d, ok := s.begin(w, r, "confirm ", in.Mail)
	if !ok {
		return
	}
	u, exists := s.users.byMail(in.Mail)
	ctx, cancel := s.confirming(r)
	defer cancel()
	receipts, err := s.resets.Confirm(ctx, resetName(u, exists, in.Mail), in.Code, in.Password)
	if codeWasRight(err) {
		if err := s.limiter.Succeed(context.WithoutCancel(ctx), d.Attempt); err != nil {
			s.log.Warn("a code was right, and its earlier failures could not be cleared", "error", err)
		}
	}
	s.passwordSet(w, receipts, err)
}

func codeWasRight(err error) bool {
	return err == nil || errors.Is(err, reset.ErrRejected) || errors.Is(err, reset.ErrOwed) ||
		errors.Is(err, code.ErrClaimed)
}

// passwordSet turns the result of package reset into an answer.
func (s *service) passwordSet(w http.ResponseWriter, receipts []revocast.Receipt, err error) {
	var busy *code.ClaimedError
	switch {
	case errors.Is(err, code.ErrCode):
		problem(w, http.StatusBadRequest, "the code is not valid", "ask for another one")
	case errors.As(err, &busy):
		tooMany(w, busy.RetryAfter)
	case errors.Is(err, errBusy):
		s.unavailable(w, err)
	case errors.Is(err, errChanged):
		problem(w, http.StatusConflict, "the password was changed meanwhile", "")
	case errors.Is(err, reset.ErrRejected):
		problem(w, http.StatusUnprocessableEntity, "the password was not accepted", err.Error())
	case errors.Is(err, reset.ErrOwed):
		s.log.Warn("a password was changed, and the end of the other logins is not confirmed yet", "error", err)
		reply(w, http.StatusAccepted, map[string]any{
			"confirmed": false,
			"detail":    "the password is changed; older logins may be accepted for a few more seconds",
		})
	default:
		s.ended(w, receipts, err)
	}
}
