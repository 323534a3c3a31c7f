package publishercmd

import (
	"context"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

type logoutCmd struct {
	writeFlags
}

// Run reads the token from standard input.
func (c *logoutCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, opts, err := c.openToWrite()
	if err != nil {
		return err
	}
	bearer, err := readBearer(ctx, streams)
	if err != nil {
		return err
	}
	receipt, err := client.Logout(ctx, bearer, opts...)
	return c.finish(streams, "logged out", receipt, err)
}

type passwordChangedCmd struct {
	Principal string `arg:"" help:"Whose password was changed (sub)."`
	Keep      string `placeholder:"SID" help:"Session that changed it and stays. Default: none."`
	Issuer    string `placeholder:"ISS" help:"Issuer of the principal. Default: the ledger's default issuer."`
	Initiator string `placeholder:"WORD" help:"Who asked: user, admin, policy, system or a word of your own. Default: none."`
	writeFlags
}

// Run ends the principal's sessions.
func (c *passwordChangedCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, opts, err := c.openToWrite()
	if err != nil {
		return err
	}
	if err := oneIssuer(c.Issuer); err != nil {
		return err
	}
	receipt, err := client.PasswordChanged(ctx, revocast.PasswordChange{
		Principal: c.Principal, Issuer: c.Issuer, KeepSession: c.Keep, Initiator: c.Initiator,
	}, opts...)
	return c.finish(streams, "ended the sessions of "+c.Principal, receipt, err)
}

type banCmd struct {
	Principal string `arg:"" help:"Whom to ban (sub)."`
	Until     moment `required:"" placeholder:"T" help:"End: RFC 3339, or a duration from now such as +24h."`
	From      moment `placeholder:"T" help:"Start. Default: now."`
	Issuer    string `placeholder:"ISS" help:"Issuer of the principal. Default: the ledger's default issuer."`
	Reason    string `placeholder:"TEXT" help:"For people, at most 256 bytes. No personal data. Default: none."`
	Initiator string `placeholder:"WORD" help:"Who asked: user, admin, policy, system or a word of your own. Default: none."`
	writeFlags
}

// Run bans the principal.
func (c *banCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, opts, err := c.openToWrite()
	if err != nil {
		return err
	}
	if err := oneIssuer(c.Issuer); err != nil {
		return err
	}
	receipt, err := client.Ban(ctx, revocast.Ban{
		Principal: c.Principal, Until: c.Until.Time.Time, From: c.From.Time.Time,
		Issuer: c.Issuer, Cause: revocast.Cause{Reason: c.Reason, Initiator: c.Initiator},
	}, opts...)
	return c.finish(streams, "banned "+c.Principal+" until "+stamp(c.Until.Time.Time), receipt, err)
}

type unbanCmd struct {
	Principal string `arg:"" help:"Whose ban to lift (sub)."`
	Issuer    string `placeholder:"ISS" help:"Issuer of the principal. Default: the ledger's default issuer."`
	Reason    string `placeholder:"TEXT" help:"For people, at most 256 bytes. No personal data. Default: none."`
	Initiator string `placeholder:"WORD" help:"Who asked: user, admin, policy, system or a word of your own. Default: none."`
	writeFlags
}

// Run lifts the ban.
func (c *unbanCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, opts, err := c.openToWrite()
	if err != nil {
		return err
	}
	if err := oneIssuer(c.Issuer); err != nil {
		return err
	}
	receipt, err := client.Unban(ctx, revocast.Ban{
		Principal: c.Principal, Issuer: c.Issuer, Cause: revocast.Cause{Reason: c.Reason, Initiator: c.Initiator},
	}, opts...)
	return c.finish(streams, "lifted the ban on "+c.Principal, receipt, err)
}

type invalidateCmd struct {
	Scope  string `arg:"" enum:"session,principal" help:"session or principal."`
	ID     string `arg:"" name:"id" help:"Its sid or sub."`
	Issuer string `placeholder:"ISS" help:"Its issuer. Default: the ledger's default issuer."`
	writeFlags
}

// Run makes caches drop what they hold.
func (c *invalidateCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	client, opts, err := c.openToWrite()
	if err != nil {
		return err
	}
	if err := oneIssuer(c.Issuer); err != nil {
		return err
	}
	scope, err := revocast.ParseScope(c.Scope)
	if err != nil {
		return wiring.Usage("%w", err)
	}
	receipt, err := client.Invalidate(ctx, revocast.Invalidation{Scope: scope, ID: c.ID, Issuer: c.Issuer}, opts...)
	return c.finish(streams, "invalidated "+named(scope, c.ID), receipt, err)
}
