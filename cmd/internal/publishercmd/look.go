package publishercmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
)

type statusCmd struct {
	clientFlags
}

// Run prints the fleet.
func (c *statusCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	api, err := c.open()
	if err != nil {
		return err
	}
	status, err := api.Status(ctx)
	if err != nil {
		return c.explain(err)
	}
	if c.JSON {
		return printJSON(streams.Out, status)
	}
	answer, err := json.Marshal(status)
	if err != nil {
		return err
	}
	var fleet apitypes.Fleet
	if err := json.Unmarshal(answer, &fleet); err != nil {
		return err
	}
	return printFleet(streams.Out, &fleet)
}

type watchCmd struct {
	After string `placeholder:"EPOCH-REV" help:"Print the log after this position first. Default: from now on."`
	// The flag of this name in publisher serve sets how often: one environment variable must not
	// mean two things.
	Canary bool `env:"REVOCAST_WATCH_CANARY" help:"Show canaries too: revocations that publishers make to measure the latency. Default: they are left out."`
	clientFlags
}

// Run prints events until it is told to stop.
func (c *watchCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	api, err := c.openWith(client.Options{Canaries: c.Canary, OnBreak: func(err error) {
		fmt.Fprintln(streams.Err, "connection lost, connecting again:", err)
	}})
	if err != nil {
		return err
	}
	var after revocast.Position
	if c.After != "" {
		if after, err = revocast.ParsePosition(c.After); err != nil {
			return wiring.Usage("--after: %w", err)
		}
	}
	err = api.Watch(ctx, after, func(e revocast.Event) error {
		return wiring.PrintEvent(streams.Out, c.JSON, e)
	})
	if ctx.Err() != nil {
		return nil // told to stop
	}
	return c.explain(err)
}

type checkCmd struct {
	WorkerURL string `name:"worker-url" default:"http://127.0.0.1:8081" placeholder:"URL" help:"The worker to ask: a subscriber's address. Default: ${default}."`
	JSON      bool   `name:"json" help:"JSON for machines, one line."`

	wiring.ClientTLSFlags
}

// Help implements kong's HelpProvider.
func (c *checkCmd) Help() string {
	return "Exit codes: 0 allowed, 3 revoked or invalid, 5 unknown; 1 if no worker answered."
}

// Run asks for the verdict, and reports it in the exit code, too.
func (c *checkCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	transport, err := c.ClientTLSFlags.Transport()
	if err != nil {
		return err
	}
	worker, err := newClient(c.WorkerURL, transport, client.Options{})
	if err != nil {
		return err
	}
	bearer, err := readBearer(ctx, streams)
	if err != nil {
		return err
	}
	checked, err := worker.Verdict(ctx, bearer)
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	if errors.Is(err, revocast.ErrUnknown) {
		return wiring.WithCode(wiring.ExitUnknown, err)
	}
	if err != nil {
		return wiring.WithHint(err, "is a worker running there? start one with `subscriber serve` or `publisher "+
			"dev`, or name another with --worker-url")
	}
	v := apitypes.NewVerdict(checked.Claims, checked.Verdict)
	if c.JSON {
		err = printJSON(streams.Out, v)
	} else {
		err = printVerdict(streams.Out, v)
	}
	if err != nil {
		return err
	}
	switch checked.Outcome {
	case revocast.Allowed:
		return nil
	case revocast.Revoked, revocast.Invalid:
		return wiring.WithCode(wiring.ExitRefused, nil)
	case revocast.Unknown:
	}
	return wiring.WithCode(wiring.ExitUnknown, revocast.ErrUnknown)
}

func printVerdict(w io.Writer, v apitypes.Verdict) error {
	lines := v.Verdict
	if v.Reason != "" && v.Reason != v.Verdict {
		lines += ": " + v.Reason
	}
	if v.Scope != "" && v.Reason != "banned" {
		lines += " by " + v.Scope
	}
	if v.Position != "" {
		lines += " at " + v.Position
	}
	lines += fmt.Sprintf("\n  known from %s, %dms old\n", v.Source, v.AgeMS)
	if v.Detail != "" {
		lines += "  " + v.Detail + "\n"
	}
	if c := v.Claims; c != nil {
		lines += fmt.Sprintf("  principal %s, session %s, token %s, issuer %s\n", orNone(c.Principal),
			orNone(c.Session), orNone(c.TokenID), orNone(c.Issuer))
	}
	_, err := io.WriteString(w, lines)
	return err
}
