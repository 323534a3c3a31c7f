package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store/code"
	"github.com/revocast/revocast/store/limit"
	"github.com/revocast/revocast/store/reset"
)

// Lengths of a password (NIST SP 800-63B §3.1.1.2).
const (
	minPassword = 8
	maxPassword = 256
)

func checkNewPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return fmt.Errorf("%w: want %d to %d characters", reset.ErrRejected, minPassword, maxPassword)
	}
	return nil
}

// setPassword is what package reset calls.
func (p *parts) setPassword(ctx context.Context, principal, password string) error {
	if err := checkNewPassword(password); err != nil {
		return err
	}
	return p.users.setPassword(ctx, principal, password)
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
	c, _ := revocast.ClaimsFrom(r.Context())
	u, ok := s.users.byPrincipal(c.Principal)
	if !ok {
		problem(w, http.StatusConflict, "this account is gone", "")
		return
	}
	// A stolen session must not guess the password either.
	_, d, ok := s.checkPassword(w, r, u.Mail, in.Old)
	if !ok {
		return
	}
	ctx, cancel := s.confirming(r)
	defer cancel()
	receipts, err := s.resets.Change(ctx, c.Principal, c.Session, in.New)
	if err == nil {
		if err := s.limiter.Succeed(ctx, d.Attempt); err != nil {
			s.log.Warn("a password was changed, and the failures before could not be cleared", "error", err)
		}
	}
	s.passwordSet(w, receipts, err)
}

type resetRequest struct {
	Mail string `json:"mail"`
}

// requestReset sends a code to who has an account, and answers everybody alike: a code is
// made for the name that was typed whether anybody has it or not.
func (s *service) requestReset(w http.ResponseWriter, r *http.Request) {
	var in resetRequest
	if !read(w, r, &in) {
		return
	}
	d, err := s.limiter.Begin(r.Context(), limit.Attempt{Identifier: "reset " + normal(in.Mail), Address: s.address(r)})
	switch {
	case err != nil:
		s.unavailable(w, err)
		return
	case !d.Allowed:
		tooMany(w, d.RetryAfter)
		return
	}
	u, exists := s.users.byMail(in.Mail)
	made, err := s.codes.Create(r.Context(), reset.Purpose, resetName(u, exists, in.Mail))
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

// resetName is whom a code is for. What stands for nobody is no account's principal.
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

// confirmReset sets a new password with a code, and ends everything of its user.
func (s *service) confirmReset(w http.ResponseWriter, r *http.Request) {
	var in confirmRequest
	if !read(w, r, &in) {
		return
	}
	u, exists := s.users.byMail(in.Mail)
	ctx, cancel := s.confirming(r)
	defer cancel()
	receipts, err := s.resets.Confirm(ctx, resetName(u, exists, in.Mail), in.Code, in.Password)
	s.passwordSet(w, receipts, err)
}

// passwordSet answers for what package reset did.
func (s *service) passwordSet(w http.ResponseWriter, receipts []revocast.Receipt, err error) {
	var busy *code.ClaimedError
	switch {
	case errors.Is(err, code.ErrCode):
		problem(w, http.StatusBadRequest, "the code is not valid", "ask for another one")
	case errors.As(err, &busy):
		tooMany(w, busy.RetryAfter)
	case errors.Is(err, reset.ErrRejected):
		problem(w, http.StatusUnprocessableEntity, "the password was not accepted", err.Error())
	case errors.Is(err, reset.ErrOwed):
		s.log.Warn("a password was changed; that the rest has ended is not confirmed yet", "error", err)
		reply(w, http.StatusAccepted, map[string]any{
			"confirmed": false,
			"detail":    "the password is changed; older logins may be accepted for a few more seconds",
		})
	default:
		s.ended(w, receipts, err)
	}
}
