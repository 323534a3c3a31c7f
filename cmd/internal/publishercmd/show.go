package publishercmd

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
)

type showCmd struct {
	Scope  string `arg:"" help:"token, session, principal, client, tenant, key or all."`
	ID     string `arg:"" optional:"" name:"id" help:"Its jti, sid, sub, client, tenant or kid; none for all."`
	Issuer string `placeholder:"ISS" help:"Its issuer. Default: the ledger's default issuer; for all: every issuer."`
	clientFlags
}

// Run prints what stands against one name.
func (c *showCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, err := c.open()
	if err != nil {
		return err
	}
	scope, err := revocast.ParseScope(c.Scope)
	if err != nil {
		return wiring.Usage("%w", err)
	}
	if err := oneIssuer(c.Issuer); err != nil {
		return err
	}
	state, err := client.Standing(ctx, scope, c.Issuer, c.ID)
	if err != nil {
		return c.explain(err)
	}
	key, err := client.KeyFor(ctx, scope, c.Issuer, c.ID)
	if err != nil {
		return c.explain(err)
	}
	s := apitypes.NewStanding(scope, c.Issuer, c.ID, state)
	if !key.IsZero() {
		s.Key = key.String()
	}
	if c.JSON {
		return printJSON(streams.Out, s)
	}
	return printStanding(streams.Out, named(scope, c.ID), s)
}

func printStanding(w io.Writer, what string, s apitypes.Standing) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, what)
	switch {
	case s.Outright:
		fmt.Fprintln(t, "  revoked\toutright")
	case !s.CutOff.IsZero():
		fmt.Fprintf(t, "  revoked\tif issued at or before %s\n", stamp(s.CutOff.Time))
	}
	if s.ExceptKey != "" {
		fmt.Fprintf(t, "  except\tthe session with key %s\n", s.ExceptKey)
	}
	if s.Ban != nil {
		fmt.Fprintf(t, "  banned\t%s\n", barText(*s.Ban))
	}
	if !s.Until.IsZero() {
		fmt.Fprintf(t, "  kept\tuntil %s\n", stamp(s.Until.Time))
	}
	fmt.Fprintf(t, "  changed\tat %s\n", s.Position)
	if s.Key != "" {
		fmt.Fprintf(t, "  key\t%s\n", s.Key)
	}
	return t.Flush()
}

func barText(b apitypes.Bar) string {
	text := "until " + stamp(b.Until.Time)
	if !b.From.IsZero() {
		text = "from " + stamp(b.From.Time) + " " + text
	}
	return text
}

type bansCmd struct {
	clientFlags
}

// Help implements kong's HelpProvider.
func (c *bansCmd) Help() string {
	return "The stores hold keys in place of names: `publisher show principal NAME` prints the key of a name. " +
		"The names themselves are shown to callers that may operate, where they are sealed: see `publisher who`."
}

// Run prints all bans, page by page.
func (c *bansCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, err := c.open()
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for cursor := ""; ; {
		page, err := client.Bans(ctx, cursor)
		if err != nil {
			return c.explain(err)
		}
		for _, banned := range page.Bans {
			b := apitypes.NewBanned(banned.Key, banned.Ban)
			if banned.Name != nil {
				name := apitypes.NewName(*banned.Name)
				b.Name = &name
			}
			if seen[b.Key] {
				continue
			}
			seen[b.Key] = true
			if err := c.print(streams.Out, b); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) == 0 && !c.JSON {
		_, err = fmt.Fprintln(streams.Out, "no bans")
	}
	return err
}

func (c *bansCmd) print(w io.Writer, b apitypes.Banned) error {
	if c.JSON {
		return printJSON(w, b)
	}
	who := ""
	if b.Name != nil {
		who = "  " + nameText(*b.Name)
	}
	_, err := fmt.Fprintf(w, "%s  %s  since %s%s\n", b.Key, barText(b.Bar), b.Position, who)
	return err
}
