package deploytest

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// TestJunkOverTheRecord: what is no record and stands in the place of the epoch's record stops a
// running publisher for no longer than it takes to write the record again. `publisher repair`
// replaces it where the ledger has to be recovered and no record is left.
func TestJunkOverTheRecord(t *testing.T) {
	n, r := natsServer(t), redisServer(t)
	pub := connect(t, n, r, "publisher", publisherPassword)
	nc, err := nats.Connect(withUser(t, n.URL(), "publisher", publisherPassword))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js := option.Must(jetstream.New(nc))
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://issuer.example"
	if _, err := publisher.Init(within(t), pub.ledger, pub.bus, terms); err != nil {
		t.Fatal(err)
	}
	junk := func(times int) {
		t.Helper()
		for range times {
			if _, err := js.Publish(within(t), "rv.default.epoch", []byte("no record")); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop := revokes(t, pub)
	junk(1)
	eventstest.Await(t, "the record to be written again", func() bool {
		record, err := pub.bus.Epoch(within(t))
		return err == nil && record.Sequence == 3 && record.Buried == 0 && record.Epoch == 1
	})
	stop()
	junk(70)
	r.Restart()
	done, err := publisher.Repair(within(t), pub.ledger, pub.bus, publisher.JetStream, publisher.RepairOptions{})
	if err != nil || done.Position.Epoch != 2 {
		t.Fatalf("repaired to %+v, %v; want a new epoch", done, err)
	}
	revokes(t, pub)()
}

// revokes starts a publisher, which confirms a revocation, and returns what stops it.
func revokes(t *testing.T, pub side) (stop func()) {
	t.Helper()
	p := option.Must(publisher.New(pub.ledger, pub.bus, publisher.Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	if err := p.Readiness().Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	got, err := p.Revoke(within(t), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if err != nil || got.Strength != revocast.Confirmed {
		t.Errorf("%+v, %v", got, err)
	}
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
