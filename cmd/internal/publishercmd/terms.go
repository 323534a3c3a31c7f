package publishercmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// termsCmd changes the terms that it is given a flag for. Its environment variables differ from
// those of init and of subscriber serve: if one of those is set for every program, printing the
// terms must not change them.
type termsCmd struct {
	Lease         *time.Duration `env:"REVOCAST_TERMS_LEASE" placeholder:"DURATION" help:"L: how long a worker that is cut off still trusts its memory. Default: unchanged."`
	Drift         *float64       `env:"REVOCAST_TERMS_DRIFT" placeholder:"FRACTION" help:"How much a clock may run fast or slow at most, such as 0.01. Default: unchanged."`
	Fence         *time.Duration `env:"REVOCAST_TERMS_FENCE" placeholder:"DURATION" help:"F: how long a Redis primary that is cut off from its replicas still accepts writes: 0s without replicas, with them 5s. Default: unchanged."`
	Skew          *time.Duration `env:"REVOCAST_TERMS_SKEW" placeholder:"DURATION" help:"σ: how far the clocks of issuers and servers may be apart; tokens from further ahead are refused. Default: unchanged."`
	DefaultIssuer *string        `env:"REVOCAST_TERMS_DEFAULT_ISSUER" placeholder:"ISS" help:"Issuer of revocations that name none. Default: unchanged."`
	TokenLifetime *time.Duration `env:"REVOCAST_TERMS_TOKEN_LIFETIME" name:"token-lifetime" placeholder:"DURATION" help:"Longest that any token lives; it can only be lowered, since what was revoked before is kept for no longer. Default: unchanged."`
	JSON          bool           `name:"json" help:"JSON for machines, one line."`

	wiring.StoreFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *termsCmd) Help() string {
	return "Without a flag it prints the terms that the ledger gives to everybody. With flags it changes those, " +
		"straight at the stores, and waits until they are in force everywhere: " +
		"if the new terms are shorter, no revocation is confirmed until the leases of the old terms have run " +
		"out. Publishers and workers keep running and adopt the new terms by themselves."
}

// Run prints or changes the terms.
func (c *termsCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	logger := c.Logger(streams.Err)
	// Lenient: a Redis may be unsuited only because it lacks the fence that is set here.
	stores, err := c.Open(ctx, wiring.OpenOptions{Name: "publisher terms", Logger: logger, Lenient: true})
	if err != nil {
		return err
	}
	defer stores.Close()
	d, err := stores.Ledger().Describe(ctx)
	if err != nil {
		return err
	}
	if d.State == port.LedgerUninitialised {
		return fmt.Errorf("%w: it has no terms", revocast.ErrUninitialised)
	}
	next := c.apply(d.Terms)
	if next == d.Terms {
		return c.print(streams.Out, d, false, 0)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute+2*max(d.Terms.SettleWait(), next.SettleWait()))
	defer cancel()
	took, err := publisher.ChangeTerms(ctx, stores.Ledger(), stores.Bus(), next, publisher.Options{Logger: logger})
	if errors.Is(err, revocast.ErrInvalid) {
		return wiring.Usage("%w", err)
	}
	if err != nil {
		return err
	}
	if d, err = stores.Ledger().Describe(ctx); err != nil {
		return err
	}
	return c.print(streams.Out, d, true, took)
}

// apply returns the terms with the flags' values.
func (c *termsCmd) apply(t port.Terms) port.Terms {
	set(&t.Lease, c.Lease)
	set(&t.Drift, c.Drift)
	set(&t.Fence, c.Fence)
	set(&t.Skew, c.Skew)
	if t.Skew == port.DefaultSkew {
		t.Skew = 0
	}
	set(&t.DefaultIssuer, c.DefaultIssuer)
	for i := range t.MaxLifetime {
		set(&t.MaxLifetime[i], c.TokenLifetime)
	}
	return t
}

func set[T any](field, flag *T) {
	if flag != nil {
		*field = *flag
	}
}

func (c *termsCmd) print(w io.Writer, d port.Description, changed bool, took time.Duration) error {
	if c.JSON {
		return printJSON(w, newTermsShown(c.Realm, d, changed, took))
	}
	if changed {
		fmt.Fprintf(w, "realm %s: the terms are changed, and in force everywhere after %s\n", c.Realm, shortTime(took))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "ledger\t%s at %s%s\n",
		d.State, d.Position, unsettled(apitypes.Ledger{State: d.State.String(), Settled: d.Settled}))
	fmt.Fprintf(t, "lease\t%s\n", d.Terms.Lease)
	fmt.Fprintf(t, "drift\t%g%%\n", 100*d.Terms.Drift)
	fmt.Fprintf(t, "fence\t%s\n", d.Terms.Fence)
	fmt.Fprintf(t, "skew\t%s\n", d.Terms.SkewOrDefault())
	fmt.Fprintf(t, "default issuer\t%s\n", orNone(d.Terms.DefaultIssuer))
	if n := d.Terms.Names; n.Secrets > 0 {
		fmt.Fprintf(t, "name secrets\t%d, check %s\n", n.Secrets, n.Check)
	} else {
		fmt.Fprintln(t, "name secrets\tnone")
	}
	for _, l := range lifetimes(d.Terms) {
		fmt.Fprintf(t, "%s lifetime\t%s\n", l.name, l.longest)
	}
	return t.Flush()
}

// lifetime is the longest that a token of a scope lives.
type lifetime struct {
	name    string
	longest time.Duration
}

// lifetimes gives one lifetime to all scopes, as init does.
func lifetimes(t port.Terms) []lifetime {
	list := []lifetime{{"token", t.MaxLifetime[0]}}
	same := true
	for i, d := range t.MaxLifetime[1:] {
		same = same && d == t.MaxLifetime[0]
		list = append(list, lifetime{revocast.Scope(i + 2).String(), d})
	}
	if same {
		return list[:1]
	}
	return list
}

// termsShown are the terms as --json shows them.
type termsShown struct {
	Realm         string             `json:"realm"`
	State         string             `json:"state"`
	Position      string             `json:"position"`
	Settled       bool               `json:"settled"`
	Changed       bool               `json:"changed"`
	LeaseMS       float64            `json:"lease_ms"`
	Drift         float64            `json:"drift"`
	FenceMS       float64            `json:"fence_ms"`
	SkewMS        float64            `json:"skew_ms"`
	DefaultIssuer string             `json:"default_issuer,omitempty"`
	LifetimeMS    map[string]float64 `json:"token_lifetime_ms"` // by scope
	NameSecrets   int                `json:"name_secrets"`
	NameCheck     string             `json:"name_check,omitempty"` // follows from the secrets and the realm
	TookMS        float64            `json:"took_ms"`
}

func newTermsShown(realm string, d port.Description, changed bool, took time.Duration) termsShown {
	out := termsShown{
		Realm: realm, State: d.State.String(), Position: d.Position.String(), Settled: d.Settled, Changed: changed,
		LeaseMS: apitypes.DurationMS(d.Terms.Lease), Drift: d.Terms.Drift, FenceMS: apitypes.DurationMS(d.Terms.Fence),
		SkewMS:        apitypes.DurationMS(d.Terms.SkewOrDefault()),
		DefaultIssuer: d.Terms.DefaultIssuer, LifetimeMS: map[string]float64{}, TookMS: apitypes.DurationMS(took),
		NameSecrets: int(d.Terms.Names.Secrets), NameCheck: d.Terms.Names.Check,
	}
	for i, longest := range d.Terms.MaxLifetime {
		out.LifetimeMS[revocast.Scope(i+1).String()] = apitypes.DurationMS(longest)
	}
	return out
}
