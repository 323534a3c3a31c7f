package publisher_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/sim"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// Parts of different realms would not notice: what one revokes has other keys in the other.
func TestPartsOfDifferentRealms(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		_, other := sim.NewRealm(t, sim.LedgerOptions{Realm: "prod"}, sim.BusOptions{})
		ledger, bus := w.Ledger.Link("x"), other.Link("x")
		ctx := w.T.Context()
		for name, run := range map[string]func() error{
			"subscriber": func() error {
				return worker.NewSubscriber(ledger, bus, cache.New(cache.Options{}),
					worker.SubscriberOptions{Logger: fleettest.Logger()}).Run(ctx)
			},
			"publisher": func() error {
				return publisher.New(ledger, bus, publisher.Options{Logger: fleettest.Logger()}).Run(ctx)
			},
			"init": func() error {
				_, err := publisher.Init(ctx, ledger, bus, w.Terms)
				return err
			},
			"audit": func() error {
				_, err := publisher.Audit(ctx, ledger, bus)
				return err
			},
			"repair": func() error {
				_, err := publisher.Repair(ctx, ledger, bus, publisher.JetStream, publisher.RepairOptions{})
				return err
			},
			"terms": func() error {
				_, err := publisher.ChangeTerms(context.WithoutCancel(ctx), ledger, bus, w.Terms,
					publisher.Options{Logger: fleettest.Logger()})
				return err
			},
		} {
			err := run()
			if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), `"test"`) ||
				!strings.Contains(err.Error(), `"prod"`) {
				t.Errorf("%s: %v, want ErrInvalid that names both realms", name, err)
			}
		}
	})
}

// Zero is the default; below zero is an error, where the part is run.
func TestOptionsBelowZero(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		ledger, bus, ctx := w.Ledger.Link("x"), w.Bus.Link("x"), w.T.Context()
		runPublisher := func(o publisher.Options) error {
			o.Logger = fleettest.Logger()
			return publisher.New(ledger, bus, o).Run(ctx)
		}
		runSubscriber := func(o worker.SubscriberOptions) error {
			o.Logger = fleettest.Logger()
			return worker.NewSubscriber(ledger, bus, cache.New(cache.Options{}), o).Run(ctx)
		}
		for name, err := range map[string]error{
			"CommitTimeout":  runPublisher(publisher.Options{CommitTimeout: -1}),
			"Receipts":       runPublisher(publisher.Options{Receipts: -1}),
			"MaxOpen":        runPublisher(publisher.Options{MaxOpen: -1}),
			"StreamReplicas": runPublisher(publisher.Options{StreamReplicas: -1}),
			"AuditEvery":     runPublisher(publisher.Options{AuditEvery: -1}),
			"SnapshotEvery":  runPublisher(publisher.Options{SnapshotEvery: -1}),
			"Canary":         runPublisher(publisher.Options{Canary: -1}),
			"HoleDelay":      runSubscriber(worker.SubscriberOptions{HoleDelay: -1}),
			"RenewLimit":     runSubscriber(worker.SubscriberOptions{RenewLimit: -1}),
			"LoadRetry":      runSubscriber(worker.SubscriberOptions{LoadRetry: -1}),
		} {
			if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v, want ErrInvalid that names it", name, err)
			}
		}
	})
}
