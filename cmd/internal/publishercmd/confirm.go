package publishercmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/revocast/revocast/internal/apiclient"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/wiring"
)

// confirm has somebody confirm a revocation that ends the sessions of many: --yes, or a
// word on the terminal. Without either the server refuses it.
func (c *revokeCmd) confirm(ctx context.Context, streams *wiring.Streams, client *apiclient.Client, one *apitypes.Revocation) error {
	if !one.Scope.Wide() {
		return nil
	}
	if !c.Yes {
		if !wiring.IsTerminal(streams.In) {
			return nil
		}
		if err := c.ask(ctx, streams, client, *one); err != nil {
			return err
		}
	}
	one.Confirm = one.Scope
	return nil
}

// ask shows what is concerned, and takes the scope's name for a yes: nobody types that by
// habit.
func (c *revokeCmd) ask(ctx context.Context, streams *wiring.Streams, client *apiclient.Client, one apitypes.Revocation) error {
	p, err := client.Preview(ctx, []apitypes.Revocation{one})
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

// confirmAll says yes for each revocation of many that needs it.
func (c *revokeCmd) confirmAll(list []apitypes.Revocation) {
	for i := range list {
		if c.Yes && list[i].Scope.Wide() {
			list[i].Confirm = list[i].Scope
		}
	}
}

func (c *revokeCmd) preview(ctx context.Context, streams *wiring.Streams, client *apiclient.Client, one apitypes.Revocation) error {
	p, err := client.Preview(ctx, []apitypes.Revocation{one})
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(streams.Out, p)
	}
	return printPreview(streams.Out, one, p)
}

func printPreview(w io.Writer, one apitypes.Revocation, p apitypes.Preview) error {
	_, err := fmt.Fprintf(w, "would revoke %s: %d of %d workers would refuse what it covers\n", named(one.Scope, one.ID), p.Count, p.Workers)
	for _, warning := range p.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "  warning: %s\n", warning)
		}
	}
	return err
}

// printWarnings prints each warning of many receipts once.
func (c *revokeCmd) printWarnings(w io.Writer, receipts []apitypes.Receipt) error {
	for _, r := range receipts {
		for _, warning := range r.Warnings {
			if c.warned[warning] {
				continue
			}
			c.warned[warning] = true
			if _, err := fmt.Fprintf(w, "warning, from %s on: %s\n", r.Position(), warning); err != nil {
				return err
			}
		}
	}
	return nil
}
