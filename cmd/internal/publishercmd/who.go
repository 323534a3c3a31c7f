package publishercmd

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
)

type whoCmd struct {
	Keys []string `arg:"" name:"key" help:"Key as events, bans and audits show it: 32 hexadecimal digits."`
	clientFlags
}

// Help implements kong's HelpProvider.
func (c *whoCmd) Help() string {
	return "The stores hold keys in place of names. Where the publishers have --names-key, the name itself is sealed " +
		"beside what stands against it, and goes when that does. It takes the right to operate."
}

// Run prints the name behind each key.
func (c *whoCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, err := c.open()
	if err != nil {
		return err
	}
	for _, text := range c.Keys {
		key, err := revocast.ParseKey(text)
		if err != nil {
			return wiring.Usage("%w", err)
		}
		name, err := client.Who(ctx, key)
		if err != nil {
			return c.explain(err)
		}
		n := apitypes.NewNamed(key, name)
		if c.JSON {
			err = printJSON(streams.Out, n)
		} else {
			err = printNamed(streams.Out, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printNamed(w io.Writer, n apitypes.Named) error {
	_, err := fmt.Fprintf(w, "%s  %s\n", n.Key, nameText(n.Name))
	return err
}

// nameText is a name in one line.
func nameText(n apitypes.Name) string {
	text := named(n.Scope, n.ID) + " of " + cmp.Or(n.Issuer, "every issuer")
	if n.Except != "" {
		text += ", except session " + n.Except
	}
	if n.Caller != "" {
		text += ", by " + n.Caller
	}
	return text
}
