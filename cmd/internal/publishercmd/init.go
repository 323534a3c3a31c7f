package publishercmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

type initCmd struct {
	Lease         time.Duration `default:"3s" help:"L: how long a worker that is cut off still trusts its memory, a duration. Shorter: more renewals. Longer: a revocation waits longer for a worker that died. Default: ${default}."`
	Drift         float64       `default:"0.01" help:"How much a clock may run fast or slow at most, a fraction. Default: ${default}."`
	Fence         time.Duration `placeholder:"DURATION" help:"F: how long a Redis primary that is cut off from its replicas still accepts writes. Default: 0s, which is right for a Redis without replicas; with them 5s."`
	Skew          time.Duration `default:"10s" help:"σ: how far the clocks of issuers and servers may be apart, a duration of at most 1m. Tokens from further ahead are refused, and cut-offs make up for no more. Default: ${default}."`
	DefaultIssuer string        `placeholder:"ISS" help:"Issuer of revocations that name none. Default: none, so each must name one."`
	TokenLifetime time.Duration `name:"token-lifetime" default:"720h" help:"Longest that any token lives, a duration: how long revocations are kept. Workers refuse tokens that live longer. Default: ${default}."`
	NATSReplicas  int           `name:"nats-replicas" default:"1" placeholder:"N" help:"Replicas of the streams: 1, or 3 in a cluster. Default: ${default}."`

	wiring.StoreFlags `group:"Stores"`
	wiring.NamesFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *initCmd) Help() string {
	return "A realm is made once, when neither store knows it. An empty Redis whose realm JetStream knows is not new " +
		"but lost, or the wrong one: " +
		"`publisher repair` says what to do."
}

// terms are the settings that the ledger gives to everybody.
func (c *initCmd) terms() port.Terms {
	t := port.DefaultTerms()
	t.Lease, t.Drift, t.Fence, t.DefaultIssuer = c.Lease, c.Drift, c.Fence, c.DefaultIssuer
	if c.Skew != port.DefaultSkew {
		t.Skew = c.Skew
	}
	for i := range t.MaxLifetime {
		t.MaxLifetime[i] = c.TokenLifetime
	}
	return t
}

// Validate is called by kong: terms that cannot work are a usage error.
func (c *initCmd) Validate() error {
	if err := checkDefaultIssuer(c.DefaultIssuer); err != nil {
		return err
	}
	return c.terms().Validate()
}

// checkDefaultIssuer refuses a name that no token can bear. The default issuer is permanent, so
// it is checked more closely than an issuer that a call names.
func checkDefaultIssuer(issuer string) error {
	odd := func(r rune) bool { return r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }
	if i := strings.IndexFunc(issuer, odd); i >= 0 {
		return fmt.Errorf("--default-issuer %q: want one issuer exactly as its tokens bear it (iss), "+
			"without commas and white space", issuer)
	}
	return nil
}

// naming is that of the secrets for a new realm; a missing file is made. A realm that is there has the
// naming that it was made with, and these secrets have to be its.
func (c *initCmd) naming(ctx context.Context, ledger describer, streams *wiring.Streams) (port.Naming, error) {
	d, err := ledger.Describe(ctx)
	if err != nil {
		return port.Naming{}, err
	}
	if d.State != port.LedgerUninitialised {
		secrets, err := c.Secrets()
		if err == nil && (secrets != nil || d.Terms.Names.Secrets > 0) {
			_, err = secrets.Maker(c.Realm, d.Terms.Names)
		}
		return d.Terms.Names, err
	}
	secrets, made, err := c.SecretsOrNew()
	switch {
	case err != nil:
	case made:
		fmt.Fprintf(streams.Out, "%s: made a name secret; publishers and workers need this file\n", c.NamesSecretFile)
	case secrets == nil:
		c.Logger(streams.Err).Warn("the realm is made without a name secret: somebody who reads Redis or NATS can " +
			"test guesses of names; see --names-secret-file")
	}
	return secrets.Naming(c.Realm), err
}

type describer interface {
	Describe(ctx context.Context) (port.Description, error)
}

// Run makes the ledger.
func (c *initCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	stores, err := c.Open(ctx, wiring.OpenOptions{Name: "publisher init", Logger: c.Logger(streams.Err)})
	if err != nil {
		return err
	}
	defer stores.Close()
	terms := c.terms()
	if terms.Names, err = c.naming(ctx, stores.Ledger(), streams); err != nil {
		return err
	}
	wanted := terms.StreamOptions()
	wanted.Replicas = c.NATSReplicas
	if err := stores.Bus().Prepare(ctx, wanted); err != nil {
		return err
	}
	created, err := publisher.Init(ctx, stores.Ledger(), stores.Bus(), terms)
	if errors.Is(err, revocast.ErrConflict) {
		return wiring.WithHint(err, "`publisher repair` looks at both stores and says what to do")
	}
	if err != nil {
		return err
	}
	if created {
		_, err = fmt.Fprintf(streams.Out, "realm %s: made its ledger\n", c.Realm)
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "realm %s: has its ledger already, nothing was changed\n", c.Realm)
	return err
}
