package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/names"
)

// askAgain is how long [Client.Await] pauses between two requests.
const askAgain = 100 * time.Millisecond

// withWait adds the parameter wait to a path; zero leaves it out.
func withWait(path string, wait time.Duration) string {
	if wait <= 0 {
		return path
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + "wait=" + url.QueryEscape(wait.Round(time.Millisecond).String())
}

func (c *Client) get(ctx context.Context, path string, out any) error {
	_, err := c.do(ctx, request{method: http.MethodGet, path: path}, out)
	return err
}

// Receipt returns the present receipt of the revocation at a position. It is not an error if the
// revocation is not confirmed yet. [revocast.ErrNotFound] is as for [Client.Await].
func (c *Client) Receipt(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	return c.receipt(ctx, at, 0)
}

func (c *Client) receipt(ctx context.Context, at revocast.Position, wait time.Duration) (revocast.Receipt, error) {
	var answer apitypes.Receipt
	err := c.get(ctx, withWait("/v1/receipts/"+at.String(), wait), &answer)
	return answer.Domain(), err
}

// Await returns the receipt of the revocation at a position once it is confirmed or, with
// [revocast.ErrPending], as it stood when ctx ended. [revocast.ErrNotFound]: there is no such
// revision, or it is too old to be remembered. Revoking again is always safe.
func (c *Client) Await(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	var last revocast.Receipt
	for {
		wait := c.patience(ctx)
		if wait == 0 {
			wait = serverWait
		}
		now, err := c.receipt(ctx, at, wait)
		switch {
		case err == nil && now.Strength == revocast.Confirmed:
			return now, nil
		case err == nil:
			last = now
		case ctx.Err() == nil || last.Position.IsZero():
			return last, err
		}
		if !pause(ctx, askAgain) {
			return last, revocast.ErrPending
		}
	}
}

// Standing returns what stands against one id, [revocast.ErrNotFound] if nothing does. An
// empty issuer is the ledger's default issuer; with [revocast.ScopeAll] it is every issuer.
func (c *Client) Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error) {
	answer, err := c.standing(ctx, scope, issuer, id)
	if err != nil {
		return revocast.State{}, err
	}
	return answer.Domain()
}

// KeyFor returns the key that the stores hold in place of a name. It returns
// [revocast.ErrNotFound] if nothing stands against the name.
func (c *Client) KeyFor(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.Key, error) {
	answer, err := c.standing(ctx, scope, issuer, id)
	if err != nil || answer.Key == "" {
		return revocast.Key{}, err
	}
	return revocast.ParseKey(answer.Key)
}

func (c *Client) standing(
	ctx context.Context, scope revocast.Scope, issuer, id string,
) (out apitypes.Standing, err error) {
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
	err = c.get(ctx, path, &out)
	return out, err
}

// BannedKey is one ban that has not ended. The stores hold keys in place of names:
// [Client.KeyFor] returns the key of a name.
type BannedKey struct {
	Key revocast.Key
	Ban revocast.BanState
	// Name is nil where it was not sealed, or the caller may not operate; see [Client.Who].
	Name *names.Name
}

// BanPage is the answer to [Client.Bans].
type BanPage struct {
	Bans []BannedKey
	Next string // the cursor of the next page; empty after the last
}

// Bans lists the bans that have not ended, a page at a time: begin with cursor "" and go on with
// the page's Next until that is "". A page may be empty, and a ban may come twice.
func (c *Client) Bans(ctx context.Context, cursor string) (BanPage, error) {
	path := "/v1/bans"
	if cursor != "" {
		path += "?" + url.Values{"cursor": {cursor}}.Encode()
	}
	var answer apitypes.Bans
	if err := c.get(ctx, path, &answer); err != nil {
		return BanPage{}, err
	}
	bans := make([]BannedKey, len(answer.Bans))
	for i, b := range answer.Bans {
		var err error
		if bans[i].Key, bans[i].Ban, err = b.Domain(); err != nil {
			return BanPage{}, err
		}
		if b.Name != nil {
			name := b.Name.Domain()
			bans[i].Name = &name
		}
	}
	return BanPage{bans, answer.Next}, nil
}

// Who returns the name that a key was made of. It takes the right to operate, and publishers that have name keys.
// It fails with [revocast.ErrNotFound] if nothing stands against the key, or its name was not sealed.
func (c *Client) Who(ctx context.Context, key revocast.Key) (names.Name, error) {
	var answer apitypes.Named
	err := c.get(ctx, "/v1/names/"+key.String(), &answer)
	return answer.Name.Domain(), err
}

// Preview says what a call would concern. It cannot count tokens or sessions, because neither
// store holds any.
type Preview struct {
	Revocations int // in the call
	Wide        int // of them of a scope that is wide, see [revocast.Scope.Wide]
	Workers     int // that are connected
	// Accepting is how many of the workers accept tokens of an issuer that the call
	// concerns, or do not say which they accept.
	Accepting int
	Warnings  []string // for people, each once
}

// Preview checks rs as [Client.RevokeBatch] would and says what they would concern. It revokes
// nothing.
func (c *Client) Preview(ctx context.Context, rs []revocast.Revocation) (Preview, error) {
	body := apitypes.Revocations{List: make([]apitypes.Revocation, len(rs)), Batch: true, DryRun: true}
	for i, r := range rs {
		body.List[i] = apitypes.NewRevocation(r)
	}
	var p apitypes.Preview
	_, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/revocations", body: body}, &p)
	return Preview{
		Revocations: p.Revocations, Wide: p.Wide, Workers: p.Workers, Accepting: p.Count, Warnings: p.Warnings,
	}, err
}

// Ready returns nil if the server is ready, else an error with the reason.
func (c *Client) Ready(ctx context.Context) error { return c.get(ctx, "/readyz", nil) }

// Checked is a worker's verdict on a token, and what the token says.
type Checked struct {
	Claims *revocast.Claims
	revocast.Verdict
}

// Verdict asks the worker at the client's URL, a sidecar, about a token. If no worker answered,
// the error is not nil and the verdict is [revocast.Unknown].
func (c *Client) Verdict(ctx context.Context, bearer string) (Checked, error) {
	var answer apitypes.Verdict
	q := request{method: http.MethodPost, path: "/v1/verdict", body: apitypes.Check{Token: bearer}}
	_, err := c.do(ctx, q, &answer)
	if err != nil {
		return Checked{Verdict: revocast.Verdict{Err: fmt.Errorf("%w: %w", revocast.ErrUnknown, err)}}, err
	}
	claims, verdict := answer.Domain()
	return Checked{claims, verdict}, nil
}
