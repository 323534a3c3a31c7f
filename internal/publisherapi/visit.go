package publisherapi

import (
	"context"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/problem"
)

// operator is the grant of callers that no API token restricts.
var operator = &apitoken.Grant{Rights: apitoken.Operate}

// caller is who calls, once that is known.
type caller struct {
	id    string // tells callers apart; empty: it has no API token
	name  string // for the log
	grant *apitoken.Grant
	still func() bool // whether the caller would be admitted now; nil: it would
}

// visit is what one request is about. Handlers fill it in, and serve logs it.
type visit struct {
	addr   string
	caller caller
	write  Write
}

// Write is one call that writes, or that was refused before it was known what it does, for the log.
type Write struct {
	Caller    string // name of the API token, or subject of the certificate
	Address   string // of the caller, as the listener sees it
	Action    string // revoke, logout, password-changed, ban, unban, invalidate; empty: it is not known
	Subjects  []Subject
	Cause     revocast.Cause // as the caller claims it
	Outcome   string         // the strength reached, pending, or the slug of the problem
	Positions []revocast.Position
}

// Subject is what a call names.
type Subject struct {
	Scope  revocast.Scope
	Issuer string
	ID     string
	Tenant string // that it belongs to, where that is known
}

const (
	missingRight    = "missing-right"
	unauthenticated = "unauthenticated"
)

// outcomeOf are the outcomes of calls that are refused.
var outcomeOf = map[int]string{http.StatusUnauthorized: unauthenticated, http.StatusForbidden: missingRight}

// The actions of calls that write.
const (
	actionRevoke     = "revoke"
	actionLogout     = "logout"
	actionPassword   = "password-changed"
	actionBan        = "ban"
	actionUnban      = "unban"
	actionInvalidate = "invalidate"
)

func subject(scope revocast.Scope, issuer, id string) Subject {
	s := Subject{Scope: scope, Issuer: issuer, ID: id}
	if scope == revocast.ScopeTenant {
		s.Tenant = id
	}
	return s
}

func principal(issuer, id string) Subject { return subject(revocast.ScopePrincipal, issuer, id) }

// reached notes what came of a call.
func (v *visit) reached(outcome string, receipts []revocast.Receipt) {
	v.write.Outcome = outcome
	for _, r := range receipts {
		v.write.Positions = append(v.write.Positions, r.Position)
	}
}

type visitKey struct{}

func withVisit(r *http.Request) (*http.Request, *visit) {
	v := &visit{addr: addressOf(r)}
	v.write.Address = r.RemoteAddr
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v)), v
}

func visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	return v
}

// writes notes what a call is about to write, and refuses it if its caller lacks the right to any
// of it.
func (h *Handler) writes(r *http.Request, action string, cause revocast.Cause, list ...Subject) error {
	v := visitOf(r)
	v.write.Caller, v.write.Action, v.write.Subjects, v.write.Cause = v.caller.name, action, list, cause
	for _, s := range list {
		if err := h.allow(r, needOf(action, s)); err != nil {
			return err
		}
	}
	return nil
}

func needOf(action string, s Subject) apitoken.Need {
	n := apitoken.Need{Right: apitoken.RightTo(s.Scope), Scope: s.Scope, Issuer: s.Issuer, Tenant: s.Tenant}
	if action == actionInvalidate { // a flood of them slows everybody down
		n.Right |= apitoken.Revoke
	}
	return n
}

// allow refuses a call that its caller has no right to make.
func (h *Handler) allow(r *http.Request, n apitoken.Need) error {
	v := visitOf(r)
	grant := v.caller.grant
	if grant == nil {
		grant = &apitoken.Grant{}
	}
	missing := grant.Missing(n)
	if missing == "" {
		return nil
	}
	h.logRefused(v, http.StatusForbidden, missing)
	return problem.New(http.StatusForbidden, missingRight, "Not allowed",
		"the API token may not do this: it needs "+missing).
		WithHint("use another token, or change this one's line in the file that --api-tokens names")
}

// reads is allow for calls that only look.
func (h *Handler) reads(r *http.Request, s Subject) error {
	n := needOf("", s)
	n.Right = apitoken.Read
	return h.allow(r, n)
}

// logRefused logs a call that was refused, at most once a second for each address.
func (h *Handler) logRefused(v *visit, status int, missing string) {
	if !h.refusals.due(v.addr) {
		return
	}
	if v.write.Action == "" && h.o.OnWrite != nil { // else wrote tells
		h.o.OnWrite(Write{Caller: v.caller.name, Address: v.write.Address, Outcome: outcomeOf[status]})
	}
	args := []any{"status", status, "remote", v.write.Address}
	if v.caller.name != "" {
		args = append(args, "caller", v.caller.name, "action", v.write.Action, "missing", missing)
	}
	h.o.Logger.Warn("call refused", args...)
}

// wrote logs a call that writes, with what came of it.
func (h *Handler) wrote(v *visit, err error) {
	w := &v.write
	if w.Action == "" {
		return
	}
	if err != nil {
		w.Outcome = problem.From(err).Slug()
	}
	if h.o.OnWrite != nil {
		h.o.OnWrite(*w)
	}
	if w.Outcome == missingRight {
		return // logRefused has said so
	}
	args := []any{
		"caller", w.Caller, "remote", w.Address, "action", w.Action, "outcome", w.Outcome,
		"claimed_initiator", clip(w.Cause.Initiator),
	}
	if len(w.Subjects) > 0 {
		args = append(args, "scope", widest(w.Subjects).String(), "count", len(w.Subjects))
	}
	if n := len(w.Positions); n > 0 {
		args = append(args, "position", w.Positions[n-1].String())
	}
	h.o.Logger.Info("write", args...)
}

func widest(list []Subject) (widest revocast.Scope) {
	for _, s := range list {
		widest = max(widest, s.Scope)
	}
	return widest
}
