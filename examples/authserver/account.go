package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/worker"
)

// discard makes the codes that were sent to a user useless, before the logins that they could
// restore are ended or the address changes hands. If it fails, nothing is ended either: somebody
// who has read the mail would be back in.
func (p *parts) discard(ctx context.Context, principal string) error {
	if _, err := p.codes.Discard(ctx, reset.Purpose, principal); err != nil {
		return fmt.Errorf("discard codes: %w", err)
	}
	return nil
}

type mailRequest struct {
	Mail     string `json:"mail"`
	Password string `json:"password"`
}

// changeMail changes the address that codes are sent to. Codes that were sent to the old address
// are useless from then on, and the old address gets a mail.
func (s *service) changeMail(w http.ResponseWriter, r *http.Request) {
	var in mailRequest
	if !read(w, r, &in) {
		return
	}
	c, _ := worker.ClaimsFrom(r.Context())
	if !looksLikeMail(in.Mail) {
		problem(w, http.StatusBadRequest, "want a mail address", "")
		return
	}
	if !s.samePerson(w, r, c, in.Password) {
		return
	}
	before, err := s.users.setMail(c.Principal, in.Mail)
	switch {
	case errors.Is(err, errTaken): // the owner of the session knows the password, and may be told
		problem(w, http.StatusConflict, "another account has this address", "")
		return
	case err != nil:
		s.unavailable(w, err)
		return
	}
	// This comes after the change: a code that was asked for in between went to the old address
	// too.
	ctx, cancel := asking(context.WithoutCancel(r.Context()))
	defer cancel()
	if err := s.discard(ctx, c.Principal); err != nil {
		s.unavailable(w, err) // the same request discards the codes
		return
	}
	if before != normal(in.Mail) {
		s.mail("mail to %s: the address of your account was changed\n", before)
	}
	reply(w, http.StatusOK, map[string]any{"mail": normal(in.Mail)})
}

// deleteAccount deletes the user's own account and ends everything that belongs to it. From then
// on nothing of it is refreshed, even before the revocation is confirmed.
func (s *service) deleteAccount(w http.ResponseWriter, r *http.Request) {
	c, _ := worker.ClaimsFrom(r.Context())
	if err := s.users.remove(c.Principal); err != nil {
		s.unavailable(w, err)
		return
	}
	ctx, cancel := s.confirming(r)
	defer cancel()
	if err := s.discard(ctx, c.Principal); err != nil {
		s.log.Warn("an account is deleted, and its codes could not be discarded; they expire, and set no password",
			"error", err)
	}
	receipts, err := s.sessions.Because("account-deleted", "user").EndAll(ctx, c.Principal)
	if err == nil || decided(err) {
		clearCookies(w)
	}
	s.ended(w, receipts, err)
}
