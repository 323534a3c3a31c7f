package publishercmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
)

// confirm makes sure that somebody confirms a wide revocation: with --yes, or with a word on the
// terminal. Without either it returns an unconfirmed client, which the server refuses.
func (c *revokeCmd) confirm(
	ctx context.Context, streams *wiring.Streams, api *client.Client, one revocast.Revocation,
) (*client.Client, error) {
	if c.Yes || !one.Scope.Wide() {
		return api, nil
	}
	if !wiring.IsTerminal(streams.In) {
		return api.Unconfirmed(), nil
	}
	return api, c.ask(ctx, streams, api, one)
}

// ask shows what is concerned, and accepts only the scope's name as a yes, because nobody types
// that by habit.
func (c *revokeCmd) ask(
	ctx context.Context, streams *wiring.Streams, api *client.Client, one revocast.Revocation,
) error {
	p, err := api.Preview(ctx, []revocast.Revocation{one})
	if err != nil {
		return c.explain(err)
	}
	if err := printPreview(streams.Err, one, p); err != nil {
		return err
	}
	fmt.Fprintf(streams.Err, "It cannot be taken back. Type %q to go on: ", one.Scope.String())
	answer, err := bufio.NewReader(wiring.Interruptible(ctx, streams.In)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != one.Scope.String() {
		return errors.New("nothing was revoked")
	}
	return nil
}

// confirmAll returns the client for a batch. Without --yes, the server refuses a line that needs
// a confirmation and has none.
func (c *revokeCmd) confirmAll(api *client.Client, list *apitypes.Revocations) *client.Client {
	if count, _ := list.Unconfirmed(); count > 0 && !c.Yes {
		return api.Unconfirmed()
	}
	return api
}

func (c *revokeCmd) preview(
	ctx context.Context, streams *wiring.Streams, api *client.Client, one revocast.Revocation,
) error {
	p, err := api.Preview(ctx, []revocast.Revocation{one})
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(streams.Out, apitypes.Preview{
			DryRun: true, Revocations: p.Revocations, Wide: p.Wide, Count: p.Accepting, Workers: p.Workers,
			Warnings: p.Warnings,
		})
	}
	return printPreview(streams.Out, one, p)
}

func printPreview(w io.Writer, one revocast.Revocation, p client.Preview) error {
	_, err := fmt.Fprintf(w, "would revoke %s: %d of %d workers would refuse what it covers\n",
		named(one.Scope, one.ID), p.Accepting, p.Workers)
	for _, warning := range p.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "  warning: %s\n", warning)
		}
	}
	return err
}

// printWarnings prints each warning of many receipts once.
func (c *revokeCmd) printWarnings(w io.Writer, receipts []revocast.Receipt) error {
	for _, r := range receipts {
		for _, warning := range r.Warnings {
			if c.warned[warning] {
				continue
			}
			c.warned[warning] = true
			if _, err := fmt.Fprintf(w, "warning, from %s on: %s\n", r.Position, warning); err != nil {
				return err
			}
		}
	}
	return nil
}
