package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

// Revoke revokes one thing and returns when the strength asked for is reached, by default
// [revocast.Confirmed]. See the package for how long it waits and for its errors.
func (c *Client) Revoke(
	ctx context.Context, r revocast.Revocation, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return c.write(ctx, opts, func(o revocast.CallOptions) request {
		body := apitypes.Revocations{List: []apitypes.Revocation{apitypes.NewRevocation(r)}, Strength: o.Strength}
		if !c.unconfirmed && r.Scope.Wide() {
			body.List[0].Confirm = r.Scope
		}
		return request{method: http.MethodPost, path: "/v1/revocations", body: body}
	})
}

// RevokeBatch revokes at most [revocast.MaxBatch] things, all or none. The receipts are in
// the order of rs.
func (c *Client) RevokeBatch(
	ctx context.Context, rs []revocast.Revocation, opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	body := apitypes.Revocations{List: make([]apitypes.Revocation, len(rs)), Batch: true}
	for i, r := range rs {
		body.List[i] = apitypes.NewRevocation(r)
		if !c.unconfirmed && r.Scope.Wide() {
			body.Confirm = max(body.Confirm, r.Scope)
		}
	}
	var answer apitypes.Receipts
	err := c.send(ctx, opts, &answer, func(o revocast.CallOptions) request {
		body.Strength = o.Strength
		return request{method: http.MethodPost, path: "/v1/revocations", body: body}
	})
	out := make([]revocast.Receipt, len(answer.Receipts))
	for i, r := range answer.Receipts {
		out[i] = r.Domain()
	}
	return out, err
}

// Logout ends the session of a token by showing the token to the server. The client needs no API
// token for that. The token may have expired. The error wraps [revocast.ErrToken] if the token is
// not a valid token of the server's issuer.
func (c *Client) Logout(ctx context.Context, bearer string, opts ...revocast.CallOption) (revocast.Receipt, error) {
	if bearer == "" || strings.ContainsFunc(bearer, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return revocast.Receipt{}, fmt.Errorf("%w: empty, or with characters that no token has", revocast.ErrMalformed)
	}
	return c.write(ctx, opts, func(o revocast.CallOptions) request {
		body := apitypes.Logout{Strength: o.Strength}
		return request{method: http.MethodPost, path: "/v1/logout", body: body, bearer: bearer}
	})
}

// PasswordChanged ends all sessions of a principal, except the one that is named, if any.
func (c *Client) PasswordChanged(
	ctx context.Context, p revocast.PasswordChange, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return c.write(ctx, opts, func(o revocast.CallOptions) request {
		return request{method: http.MethodPost, path: "/v1/password-changed", body: apitypes.PasswordChanged{
			Principal: p.Principal, Issuer: p.Issuer, KeepSession: p.KeepSession, Initiator: p.Initiator,
			Strength: o.Strength,
		}}
	})
}

// Ban refuses every token of a principal until b.Until, newer ones too.
func (c *Client) Ban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	if b.Principal == "" {
		return revocast.Receipt{}, errNoPrincipal()
	}
	return c.write(ctx, opts, func(o revocast.CallOptions) request {
		return request{method: http.MethodPut, path: "/v1/bans/" + url.PathEscape(b.Principal), body: apitypes.Ban{
			Until: apitypes.At(b.Until), From: apitypes.At(b.From), Issuer: b.Issuer,
			Reason: b.Reason, Initiator: b.Initiator, Strength: o.Strength,
		}}
	})
}

// Unban lifts the ban on b.Principal. Of the other fields only Issuer, Reason and Initiator are
// used.
func (c *Client) Unban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	if b.Principal == "" {
		return revocast.Receipt{}, errNoPrincipal()
	}
	return c.write(ctx, opts, func(o revocast.CallOptions) request {
		query := url.Values{"strength": {o.Strength.String()}}
		for name, value := range map[string]string{"issuer": b.Issuer, "reason": b.Reason, "initiator": b.Initiator} {
			if value != "" {
				query.Set(name, value)
			}
		}
		path := "/v1/bans/" + url.PathEscape(b.Principal) + "?" + query.Encode()
		return request{method: http.MethodDelete, path: path}
	})
}

// Invalidate makes every worker drop what it caches of a session or a principal. Nobody is
// revoked.
func (c *Client) Invalidate(
	ctx context.Context, i revocast.Invalidation, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return c.write(ctx, opts, func(o revocast.CallOptions) request {
		return request{method: http.MethodPost, path: "/v1/invalidations", body: apitypes.Invalidation{
			Scope: i.Scope, ID: i.ID, Issuer: i.Issuer, Strength: o.Strength,
		}}
	})
}

// errNoPrincipal stands in for the server's answer, because without a principal the request has
// no path.
func errNoPrincipal() error { return fmt.Errorf("%w: principal is empty", revocast.ErrInvalid) }

// maker builds the request of one call.
type maker func(revocast.CallOptions) request

func (c *Client) write(ctx context.Context, opts []revocast.CallOption, build maker) (revocast.Receipt, error) {
	var answer apitypes.Receipt
	err := c.send(ctx, opts, &answer, build)
	return answer.Domain(), err
}

// send makes a request that writes. For an answer of 202 it returns [revocast.ErrPending], and
// out still holds the answer.
func (c *Client) send(ctx context.Context, opts []revocast.CallOption, out any, build maker) error {
	o, err := revocast.NewCallOptions(opts...)
	if err != nil {
		return err
	}
	q := build(o)
	if q.key = o.IdempotencyKey; q.key == "" {
		q.key = rand.Text()
	}
	if err := checkKey(q.key); err != nil {
		return err
	}
	q.path = withWait(q.path, c.patience(ctx))
	status, err := c.do(ctx, q, out)
	if err == nil && status == http.StatusAccepted {
		return revocast.ErrPending
	}
	return err
}
