package publisher_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// Parts of different realms would not notice, because one realm's revocations have other keys in
// the other.
func TestPartsOfDifferentRealms(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		_, other := fake.NewRealm(t, fake.LedgerOptions{Realm: "prod"}, fake.BusOptions{})
		ledger, bus := w.Ledger.Link("x"), other.Link("x")
		ctx := w.T.Context()
		for name, run := range map[string]func() error{
			"subscriber": func() error {
				_, err := worker.NewSubscriber(ledger, bus, option.Must(cache.New(cache.Options{})),
					worker.SubscriberOptions{Names: fleettest.Names, Logger: fleettest.Logger()})
				return err
			},
			"publisher": func() error {
				_, err := publisher.New(ledger, bus, publisher.Options{Logger: fleettest.Logger()})
				return err
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
					publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()})
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
