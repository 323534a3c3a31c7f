package publishercmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
)

type revokeCmd struct {
	Scope     string `arg:"" help:"token, session, principal, client, tenant, key or all; or - to read many from standard input."`
	ID        string `arg:"" optional:"" name:"id" help:"Its jti, sid, sub, client, tenant or kid; none for all."`
	Issuer    string `placeholder:"ISS" help:"Its issuer. Default: the ledger's default issuer; for all: every issuer."`
	Except    string `placeholder:"SID" help:"Session that is spared. Default: none."`
	Cutoff    moment `placeholder:"T" help:"Tokens issued at or before this time are refused: RFC 3339, or a duration from now as in --cutoff=-10m. Default: now, by the ledger's clock."`
	Until     moment `placeholder:"T" help:"When it may be forgotten. Default: when the last token that it covers has expired."`
	Reason    string `placeholder:"TEXT" help:"For people, at most 256 bytes. No personal data. Default: none."`
	Initiator string `placeholder:"WORD" help:"Who asked: user, admin, policy, system or a word of your own. Default: none."`
	Yes       bool   `env:"-" help:"Revoke a tenant, a key or everything without asking. Default: ask on a terminal, else refuse."`
	DryRun    bool   `env:"-" help:"Only show what it would concern."`
	writeFlags

	warned map[string]bool // of what, in many revocations
}

// Help implements kong's HelpProvider.
func (c *revokeCmd) Help() string {
	return `With - it reads one JSON object a line, as POST /v1/revocations takes it: {"scope":"session","id":"…"}. ` +
		`They are sent in order, many in one call. It stops at a line that is wrong, with everything before it ` +
		`revoked; ` +
		`revoking again what is revoked does no harm.`
}

// Run revokes one thing, or what standard input lists.
func (c *revokeCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	api, opts, err := c.openToWrite()
	if err != nil {
		return err
	}
	if err := oneIssuer(c.Issuer); err != nil {
		return err
	}
	if c.Scope == "-" {
		return c.many(ctx, streams, api, opts)
	}
	scope, err := revocast.ParseScope(c.Scope)
	if err != nil {
		return wiring.Usage("%w", err)
	}
	one := revocast.Revocation{
		Scope: scope, ID: c.ID, Issuer: c.Issuer, Except: c.Except, CutOff: c.Cutoff.Time.Time,
		Until: c.Until.Time.Time,
		Cause: revocast.Cause{Reason: c.Reason, Initiator: c.Initiator},
	}
	if c.DryRun {
		return c.preview(ctx, streams, api, one)
	}
	if api, err = c.confirm(ctx, streams, api, one); err != nil {
		return err
	}
	receipt, err := api.Revoke(ctx, one, opts...)
	return c.finish(streams, "revoked "+named(scope, c.ID), receipt, err)
}

// many sends batches one after the other, so that after a failure it is clear what was done. Each
// batch has its own idempotency key, so the client can repeat one that broke.
func (c *revokeCmd) many(
	ctx context.Context, streams *wiring.Streams, api *client.Client, opts []revocast.CallOption,
) error {
	if err := c.refuseOthers(); err != nil {
		return err
	}
	streams.Prompt("one JSON object a line, such as {\"scope\":\"session\",\"id\":\"…\"}; Ctrl-D ends it:\n")
	lines, bar := newLineReader(wiring.Interruptible(ctx, streams.In)), newProgress(streams.Err, streams.In)
	keys := c.IdempotencyKey
	if keys == "" {
		keys = rand.Text()
	}
	c.warned = make(map[string]bool)
	done, unconfirmed := 0, error(nil)
	for n := 0; ; n++ {
		list, upTo, readErr := lines.batch(revocast.MaxBatch)
		if len(list.List) > 0 {
			key := revocast.WithIdempotencyKey(fmt.Sprintf("%s-%d", keys, n))
			receipts, err := c.confirmAll(api, list).RevokeBatch(ctx, list.Domain(), append(opts, key)...)
			if err != nil && !errors.Is(err, revocast.ErrPending) {
				bar.clear()
				return c.explain(
					fmt.Errorf("after %d revoked, the %d up to line %d failed: %w", done, len(list.List), upTo, err),
				)
			}
			unconfirmed = errors.Join(unconfirmed, err)
			done += len(list.List)
			if err := c.printEach(streams.Out, receipts); err != nil {
				return err
			}
			bar.show(done, lines.read)
		}
		if readErr != nil {
			bar.clear()
			return c.sum(streams, done, readErr, unconfirmed)
		}
	}
}

// refuseOthers refuses flags whose values the lines give themselves.
func (c *revokeCmd) refuseOthers() error {
	if c.DryRun {
		return wiring.Usage(
			"--dry-run is for one revocation; with - send {\"revocations\":[…],\"dry_run\":true} to the API",
		)
	}
	if c.ID+c.Issuer+c.Except+c.Reason+c.Initiator != "" || !c.Cutoff.IsZero() || !c.Until.IsZero() {
		return wiring.Usage("with - each line says its own id, issuer, except, cutoff, until, reason and initiator")
	}
	return nil
}

func (c *revokeCmd) printEach(w io.Writer, receipts []revocast.Receipt) error {
	if !c.JSON {
		return c.printWarnings(w, receipts)
	}
	for _, r := range receipts {
		if err := printJSON(w, apitypes.NewReceipt(r)); err != nil {
			return err
		}
	}
	return nil
}

// sum ends the command. readErr is never nil; it is io.EOF if everything was read.
func (c *revokeCmd) sum(streams *wiring.Streams, done int, readErr, unconfirmed error) error {
	if !errors.Is(readErr, io.EOF) {
		return wiring.WithHint(fmt.Errorf("%w (%d before it are revoked, nothing after it)", readErr, done),
			"correct the line and run all of it again")
	}
	if unconfirmed != nil {
		return wiring.WithHint(wiring.WithCode(wiring.ExitPending, fmt.Errorf(
			"%d revoked, not all of them %s when the time ran out", done, c.Strength,
		)),
			"it continues by itself; `publisher status` shows which worker it waits for")
	}
	if c.JSON {
		return nil
	}
	_, err := fmt.Fprintf(streams.Out, "revoked %d, %s\n", done, c.Strength)
	return err
}
