package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
)

// Ledger is access to the ledger past every link. The caller closes it.
func (r *Rig) Ledger() (*store.Ledger, error) {
	return store.Open("redis://"+operator+":"+operator+"@"+r.Primary().Addr, "default",
		store.Options{AllowUnsuited: true})
}

// LedgerOpen fails while the ledger does not serve.
func (r *Rig) LedgerOpen(ctx context.Context) error {
	ledger, err := r.Ledger()
	if err != nil {
		return err
	}
	defer ledger.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	d, err := ledger.Describe(ctx)
	if err == nil && d.State != port.LedgerOpen {
		err = fmt.Errorf("the ledger is %s", d.State)
	}
	return err
}

// Audit compares the two stores and fails unless each holds everything that the other holds.
func (r *Rig) Audit(ctx context.Context) (publisher.AuditReport, error) {
	ledger, err := r.Ledger()
	if err != nil {
		return publisher.AuditReport{}, err
	}
	defer ledger.Close()
	bus, err := events.New(r.admin, "default", events.Options{})
	if err != nil {
		return publisher.AuditReport{}, err
	}
	defer bus.Close()
	report, err := publisher.Audit(ctx, ledger, bus)
	if err == nil && !report.OK() {
		err = fmt.Errorf("of %d states %d are missing in the ledger and %d in the stream",
			max(report.Ledger, report.Stream), report.MissingInLedger, report.MissingInStream)
	}
	return report, err
}

// StreamKnown fails unless the epoch's record names the stream that exists. Until it does, a
// Redis that loses everything is not recovered from that stream, because the stream may lack what
// the one before held. That would be the loss of both stores at a time.
func (r *Rig) StreamKnown(ctx context.Context) error {
	bus, err := events.New(r.admin, "default", events.Options{})
	if err != nil {
		return err
	}
	defer bus.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	record, err := bus.Epoch(ctx)
	if err != nil {
		return err
	}
	info, err := bus.Stream(ctx)
	if err == nil && record.Stream != info.Created {
		err = errors.New("the epoch's record names another stream")
	}
	return err
}

// AwaitAudit waits until the stores agree, and the stream is known as the one that
// holds the history.
func (r *Rig) AwaitAudit(ctx context.Context) error {
	return Eventually(ctx, 100*time.Millisecond, func() error {
		if err := r.StreamKnown(ctx); err != nil {
			return err
		}
		_, err := r.Audit(ctx)
		return err
	})
}

// EmptyRedis is FLUSHALL at the primary.
func (r *Rig) EmptyRedis(ctx context.Context) error {
	_, err := r.Primary().Do(ctx, "FLUSHALL")
	return err
}

// BackUp copies what Redis has written so far, as a backup that is taken while it runs.
func (s *Redis) BackUp(to string) error {
	return os.CopyFS(to, os.DirFS(filepath.Join(s.dir, "appendonlydir")))
}

// Restore puts a backup in the place of what Redis has written. It must not run.
func (s *Redis) Restore(from string) error {
	if err := s.ForgetFiles(); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(s.dir, "appendonlydir"), os.DirFS(from))
}

// StartRedis starts the primary again and returns once it answers.
func (r *Rig) StartRedis(ctx context.Context) error {
	p := r.Primary()
	return startAndAwait(ctx, p.Process, func() error {
		if err := p.Serves(); err != nil && !strings.Contains(err.Error(), "LOADING") {
			return err
		} else if err != nil {
			return fmt.Errorf("%s loads: %w", p.Name, err)
		}
		return nil
	})
}

// Promote makes the replica the primary; [Rig.FollowPrimary] makes processes use it. The old
// primary does not notice.
func (r *Rig) Promote(ctx context.Context) error {
	if _, err := r.Other().Do(ctx, "REPLICAOF", "NO", "ONE"); err != nil {
		return err
	}
	r.primary = 1 - r.primary
	return nil
}

// FollowPrimary leads some processes to the primary, as Sentinels do.
func (r *Rig) FollowPrimary(peers []*Peer) {
	for _, p := range peers {
		p.Redis.Switch(r.Primary().Addr)
	}
}

// Rejoin kills the server that is no longer the primary and starts it as the replica,
// without which the primary takes no writes.
func (r *Rig) Rejoin(ctx context.Context) error {
	old := r.Other()
	old.Kill()
	r.repl.Switch(r.Primary().Addr)
	r.repl.Heal()
	if err := startAndAwait(ctx, old.Process, old.Serves); err != nil {
		return err
	}
	return r.follow(ctx, old)
}
