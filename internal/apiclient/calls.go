package apiclient

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

// Call says how a writing call is carried out; the zero value works.
type Call struct {
	// Wait is how long the server waits for the strength before it answers with a
	// pending receipt. Default: the server's own, 5 s.
	Wait time.Duration
	// Idempotency is the Idempotency-Key. Default: a random one for each call.
	Idempotency string
}

func (c Call) key() string {
	if c.Idempotency == "" {
		return rand.Text()
	}
	return c.Idempotency
}

func (c Call) query(more url.Values) string {
	if more == nil {
		more = url.Values{}
	}
	if c.Wait > 0 {
		more.Set("wait", c.Wait.String())
	}
	if len(more) == 0 {
		return ""
	}
	return "?" + more.Encode()
}

// Revoke revokes one thing; strength zero means confirmed.
func (c *Client) Revoke(ctx context.Context, r apitypes.Revocation, s revocast.Strength, call Call) (apitypes.Receipt, error) {
	return c.write(ctx, request{
		method: http.MethodPost, path: "/v1/revocations" + call.query(nil), key: call.key(),
		body: apitypes.Revocations{List: []apitypes.Revocation{r}, Strength: s},
	})
}

// RevokeBatch revokes at most [revocast.MaxBatch] things, all or none.
func (c *Client) RevokeBatch(ctx context.Context, list []apitypes.Revocation, s revocast.Strength, call Call) ([]apitypes.Receipt, error) {
	var out apitypes.Receipts
	status, err := c.do(ctx, request{
		method: http.MethodPost, path: "/v1/revocations" + call.query(nil), key: call.key(),
		body: apitypes.Revocations{List: list, Batch: true, Strength: s},
	}, &out)
	return out.Receipts, pending(status, err)
}

// Preview asks what a call would concern. Nothing is revoked.
func (c *Client) Preview(ctx context.Context, list []apitypes.Revocation) (out apitypes.Preview, err error) {
	_, err = c.do(ctx, request{
		method: http.MethodPost, path: "/v1/revocations", body: apitypes.Revocations{List: list, Batch: true, DryRun: true},
	}, &out)
	return out, err
}

// Logout ends the session of a bearer, by showing it: no API token is needed.
func (c *Client) Logout(ctx context.Context, bearer string, s revocast.Strength, call Call) (apitypes.Receipt, error) {
	return c.write(ctx, request{
		method: http.MethodPost, path: "/v1/logout" + call.query(nil), key: call.key(),
		body: apitypes.Logout{Strength: s}, bearer: bearer,
	})
}

// PasswordChanged ends all sessions of a principal but, if named, one.
func (c *Client) PasswordChanged(ctx context.Context, p apitypes.PasswordChanged, call Call) (apitypes.Receipt, error) {
	return c.write(ctx, request{method: http.MethodPost, path: "/v1/password-changed" + call.query(nil), key: call.key(), body: p})
}

// Ban refuses every token of a principal until a time.
func (c *Client) Ban(ctx context.Context, principal string, b apitypes.Ban, call Call) (apitypes.Receipt, error) {
	if principal == "" {
		return apitypes.Receipt{}, errNoPrincipal()
	}
	return c.write(ctx, request{
		method: http.MethodPut, path: "/v1/bans/" + url.PathEscape(principal) + call.query(nil), key: call.key(), body: b,
	})
}

// Unban lifts a ban. Of b only issuer, reason, initiator and strength count.
func (c *Client) Unban(ctx context.Context, principal string, b apitypes.Ban, call Call) (apitypes.Receipt, error) {
	if principal == "" {
		return apitypes.Receipt{}, errNoPrincipal()
	}
	query := url.Values{}
	for name, value := range map[string]string{"issuer": b.Issuer, "reason": b.Reason, "initiator": b.Initiator} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if b.Strength != 0 {
		query.Set("strength", b.Strength.String())
	}
	return c.write(ctx, request{
		method: http.MethodDelete, path: "/v1/bans/" + url.PathEscape(principal) + call.query(query), key: call.key(),
	})
}

// Bans returns one page of the bans that have not ended; see [apitypes.Bans.Next].
func (c *Client) Bans(ctx context.Context, cursor string) (out apitypes.Bans, err error) {
	path := "/v1/bans"
	if cursor != "" {
		path += "?" + url.Values{"cursor": {cursor}}.Encode()
	}
	_, err = c.do(ctx, request{method: http.MethodGet, path: path}, &out)
	return out, err
}

// Invalidate makes caches load a session or a principal anew.
func (c *Client) Invalidate(ctx context.Context, i apitypes.Invalidation, call Call) (apitypes.Receipt, error) {
	return c.write(ctx, request{method: http.MethodPost, path: "/v1/invalidations" + call.query(nil), key: call.key(), body: i})
}

// Receipt returns a receipt as it stands, waiting at most this long for it to be
// confirmed. That it is not yet is no error.
func (c *Client) Receipt(ctx context.Context, at revocast.Position, wait time.Duration) (out apitypes.Receipt, err error) {
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/v1/receipts/" + at.String() + Call{Wait: wait}.query(nil)}, &out)
	return out, err
}

// Standing returns what stands against something; [revocast.ErrNotFound]: nothing.
func (c *Client) Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (out apitypes.Standing, err error) {
	if id == "" && scope != revocast.ScopeAll {
		return out, fmt.Errorf("%w: scope %s needs an id", revocast.ErrInvalid, scope)
	}
	path := "/v1/revocations/" + scope.String()
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	if issuer != "" {
		path += "?" + url.Values{"issuer": {issuer}}.Encode()
	}
	_, err = c.do(ctx, request{method: http.MethodGet, path: path}, &out)
	return out, err
}

// Fleet returns the ledger and the workers.
func (c *Client) Fleet(ctx context.Context) (out apitypes.Fleet, err error) {
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/v1/workers"}, &out)
	return out, err
}

// Login starts a session with the demo issuer of `publisher dev`.
func (c *Client) Login(ctx context.Context, principal string) (out apitypes.LoggedIn, err error) {
	_, err = c.do(ctx, request{method: http.MethodPost, path: "/dev/login", body: apitypes.Login{Principal: principal}}, &out)
	return out, err
}

// Verdict asks a sidecar about a token.
func (c *Client) Verdict(ctx context.Context, token string) (out apitypes.Verdict, err error) {
	_, err = c.do(ctx, request{method: http.MethodPost, path: "/v1/verdict", body: apitypes.Check{Token: token}}, &out)
	return out, err
}

// Ready returns nil if the server is ready, else an error with the reason.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/readyz"}, nil)
	return err
}

// errNoPrincipal stands in for the server's answer: without a principal there is no
// path to ask at.
func errNoPrincipal() error { return fmt.Errorf("%w: principal is empty", revocast.ErrInvalid) }

func (c *Client) write(ctx context.Context, q request) (out apitypes.Receipt, err error) {
	status, err := c.do(ctx, q, &out)
	return out, pending(status, err)
}

func pending(status int, err error) error {
	if err == nil && status == http.StatusAccepted {
		return revocast.ErrPending
	}
	return err
}
