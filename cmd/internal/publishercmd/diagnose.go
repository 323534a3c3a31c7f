package publishercmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
)

// diagnosis is what each store says about the realm.
type diagnosis struct {
	ledger port.Description
	record port.EpochRecord // of epoch 0: JetStream does not know the realm
	unread error            // why not, if something else stands in the place of the record
}

func diagnose(ctx context.Context, stores *realm.Realm) (diagnosis, error) {
	var d diagnosis
	var err error
	if d.ledger, err = stores.Ledger().Describe(ctx); err != nil {
		return d, err
	}
	d.record, err = stores.Bus().Epoch(ctx)
	switch {
	case errors.Is(err, revocast.ErrNotFound):
		err = nil
	case errors.Is(err, revocast.ErrUnsuited) && d.record.Sequence > 0: // a repair replaces it
		d.unread, err = err, nil
	}
	return d, err
}

// String is the diagnosis in one line.
func (d diagnosis) String() string {
	ledger := fmt.Sprintf("Redis (server %.12s…) is %s", d.ledger.Server, d.ledger.State)
	if d.ledger.State != port.LedgerUninitialised {
		ledger += " at " + d.ledger.Position.String()
	}
	if d.unread != nil {
		return fmt.Sprintf("%s; JetStream's record of the realm's epoch cannot be read: %v", ledger, d.unread)
	}
	if d.record.Epoch == 0 {
		return ledger + "; JetStream has no record of the realm's epoch"
	}
	return fmt.Sprintf("%s; JetStream knows the realm at epoch %d, on server %.12s…", ledger, d.record.Epoch,
		d.record.Server)
}

// plan is what --from says, or else what the state calls for. It never chooses to take over the
// realm from another Redis, which may be alive and right: somebody who named the wrong Redis
// would fence the right one.
func (d diagnosis) plan(ctx context.Context, stores *realm.Realm, from string) (repairPlan, error) {
	said := repairPlan{reason: "--from says so", said: true}
	switch {
	case from == "jetstream":
		said.from = []publisher.Side{publisher.JetStream}
		return said, nil
	case from == "redis":
		said.from = []publisher.Side{publisher.Redis}
		return said, nil
	}
	if err := d.superseded(); err != nil {
		return repairPlan{}, err
	}
	switch d.ledger.State {
	case port.LedgerOpen:
		return d.compare(ctx, stores)
	case port.LedgerRecovering:
		return repairPlan{from: []publisher.Side{publisher.JetStream}, reason: "its recovery has begun"}, nil
	case port.LedgerUninitialised:
		return d.planEmpty()
	case port.LedgerFenced:
	}
	return repairPlan{}, d.fenced()
}

// superseded fails with [revocast.ErrFenced] if a ledger is open although JetStream says that
// another server carries on the realm: no publisher has looked at the ledger since.
func (d diagnosis) superseded() error {
	if d.ledger.State == port.LedgerOpen && d.record.Epoch > d.ledger.Position.Epoch {
		return d.fenced()
	}
	return nil
}

func (d diagnosis) fenced() error {
	return wiring.WithHint(fmt.Errorf("%w: another Redis carries on the realm: %s", revocast.ErrFenced, d),
		"if the Redis that JetStream names is the right one, point the programs there; if this one is to carry on "+
			"instead, fencing that one, run `publisher repair --from redis`")
}

func (d diagnosis) planEmpty() (repairPlan, error) {
	if d.record.Server == d.ledger.Server {
		return repairPlan{
			from: []publisher.Side{publisher.JetStream}, reason: "Redis is the realm's own server, and was emptied",
		}, nil
	}
	return repairPlan{}, wiring.WithHint(fmt.Errorf("%w: %s", revocast.ErrUninitialised, d),
		"check --redis and --realm first; if this Redis is right and has lost its data, run `publisher repair --from "+
			"jetstream`; another Redis that still serves the realm is fenced by it")
}

// compare finds out what an open ledger or the stream lacks.
func (d diagnosis) compare(ctx context.Context, stores *realm.Realm) (repairPlan, error) {
	report, err := publisher.Audit(ctx, stores.Ledger(), stores.Bus())
	if err != nil {
		return repairPlan{}, err
	}
	p := repairPlan{reason: fmt.Sprintf("of %d live revocations %d are missing in JetStream and %d in Redis",
		report.Ledger, report.MissingInStream, report.MissingInLedger)}
	if report.MissingInLedger > 0 {
		p.from = append(p.from, publisher.JetStream)
	}
	if report.MissingInStream > 0 {
		p.from = append(p.from, publisher.Redis)
	}
	if report.OK() {
		p.reason = fmt.Sprintf("both stores hold the same %d live revocations", report.Ledger)
	}
	return p, nil
}
