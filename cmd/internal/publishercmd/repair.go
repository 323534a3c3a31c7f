package publishercmd

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/publisher"
)

// repairPatience is how long a repair is tried while a store does not answer.
const repairPatience = 10 * time.Minute

type repairCmd struct {
	From         string `env:"REVOCAST_REPAIR_FROM" default:"" enum:",jetstream,redis" placeholder:"STORE" help:"Which store the other is refilled from: jetstream or redis. Default: what the ledger's state calls for, if that can harm nobody; else it says what the choices are."`
	AcceptLoss   bool   `help:"Open a Redis that lost everything although JetStream has lost its stream too. What was revoked before and is in neither is forgotten."`
	NATSReplicas int    `name:"nats-replicas" default:"1" placeholder:"N" help:"Replicas of a stream that has to be made again: 1, or 3 in a cluster. Default: ${default}."`
	JSON         bool   `name:"json" help:"JSON for machines, one line."`

	wiring.StoreFlags `group:"Stores"`
	wiring.NamesFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *repairCmd) Help() string {
	return "Refills one store from the other. It works on the stores themselves, and publishers may go on running. " +
		"State only grows, so a repair takes back no revocation, and running it twice does no harm.\n\n" +
		"`--from jetstream` merges what the stream holds into Redis, in a new epoch. It is for a Redis that lost " +
		"data. An empty Redis becomes the realm's ledger. Another Redis that still serves the realm is fenced.\n\n" +
		"`--from redis` publishes every live revocation again. It is for a stream that lost events, which running " +
		"publishers also refill by themselves. A fenced ledger takes back the realm, and what the stream holds is " +
		"merged into it. The Redis that carried on is fenced."
}

// Run repairs what needs it.
func (c *repairCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	logger := c.Logger(streams.Err)
	secrets, err := c.Secrets()
	if err != nil {
		return err
	}
	stores, err := c.Open(ctx, wiring.OpenOptions{Name: "publisher repair", Logger: logger, Names: secrets})
	if err != nil {
		return err
	}
	defer stores.Close()
	if err := stores.Prepare(ctx, c.NATSReplicas); err != nil {
		return err
	}
	what, err := diagnose(ctx, stores)
	if err != nil {
		return err
	}
	plan, err := what.plan(ctx, stores, c.From)
	if err != nil {
		return err
	}
	if !c.JSON {
		fmt.Fprintf(streams.Out, "realm %s: %s\n%s", c.Realm, what, plan)
	}
	ctx, cancel := context.WithTimeout(ctx, repairPatience)
	defer cancel()
	done := repaired{
		Realm: c.Realm, State: what.ledger.State.String(), Reason: plan.reason, From: plan.names(),
		Position: what.ledger.Position.String(),
	}
	for _, side := range plan.from {
		bar := newProgress(streams.Err, nil)
		r, err := publisher.Repair(ctx, stores.Ledger(), stores.Bus(), side, publisher.RepairOptions{
			Publisher:  publisher.Options{Logger: logger, StreamReplicas: c.NATSReplicas, Names: secrets},
			AcceptLoss: c.AcceptLoss,
			Refilled:   bar.showRefilled,
		})
		bar.clear()
		if err != nil {
			return fmt.Errorf("from %s: %w", sideName(side), err)
		}
		done.add(r)
	}
	return c.print(streams.Out, done)
}

func (c *repairCmd) print(w io.Writer, r repaired) error {
	if c.JSON {
		return printJSON(w, r)
	}
	if len(r.From) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "done after %s: the ledger serves at %s; %d events restored to Redis and %d published "+
		"again here, the rest by running publishers\n",
		millis(r.TookMS), r.Position, r.Restored, r.Refilled)
	return err
}

// repaired is what was done, as --json shows it.
type repaired struct {
	Realm    string   `json:"realm"`
	State    string   `json:"state"`  // of the ledger before
	Reason   string   `json:"reason"` // why this was done
	From     []string `json:"from"`   // in this order; empty: nothing was to be done
	Position string   `json:"position"`
	Restored int      `json:"restored"` // events that Redis lacked; running publishers may have restored others
	Refilled uint64   `json:"refilled"` // events that were published again, likewise
	TookMS   float64  `json:"took_ms"`
}

func (r *repaired) add(done publisher.Repaired) {
	r.Position = done.Position.String()
	r.Restored += done.Restored
	r.Refilled += done.Refilled
	r.TookMS += apitypes.DurationMS(done.Took)
}

// repairPlan is which store is refilled from which, and why.
type repairPlan struct {
	from   []publisher.Side
	reason string
	said   bool // --from says so
}

// String says what will be done, for people, each step on a line.
func (p repairPlan) String() string {
	if len(p.from) == 0 {
		return "nothing is to be repaired: " + p.reason + "\n"
	}
	var b strings.Builder
	if !p.said {
		fmt.Fprintf(&b, "chosen: from %s, since %s\n", strings.Join(p.names(), ", then from "), p.reason)
	}
	for _, side := range p.from {
		if side == publisher.JetStream {
			b.WriteString("refilling Redis from JetStream; the realm refuses calls until a new epoch is open\n")
		} else {
			b.WriteString("refilling JetStream from Redis\n")
		}
	}
	return b.String()
}

func (p repairPlan) names() []string {
	names := []string{}
	for _, side := range p.from {
		names = append(names, sideName(side))
	}
	return names
}

func sideName(s publisher.Side) string {
	if s == publisher.JetStream {
		return "jetstream"
	}
	return "redis"
}
