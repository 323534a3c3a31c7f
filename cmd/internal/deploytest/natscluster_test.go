package deploytest

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/deployfiles"
	"github.com/revocast/revocast/internal/program"
	"github.com/revocast/revocast/port"
)

// natsCluster starts three servers with the shipped file, and returns their addresses.
func natsCluster(t *testing.T) (addrs []string) {
	t.Helper()
	path, err := program.NATSServer()
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for range 3 {
		addrs, routes = append(addrs, freeAddr(t)), append(routes, freeAddr(t))
	}
	env := map[string]string{"NATS_PUBLISHER_PASSWORD": publisherPassword, "NATS_WORKER_PASSWORD": workerPassword}
	for i := range addrs {
		dir := t.TempDir()
		conf := dir + "/nats.conf"
		if err := (deployfiles.NATS{
			Name: fmt.Sprint("revocast-", i+1), Port: portOf(addrs[i]), HTTP: portOf(freeAddr(t)), Dir: dir,
			Cluster: portOf(routes[i]), Routes: routes,
		}).Write(conf); err != nil {
			t.Fatal(err)
		}
		newProcess(t, fmt.Sprint("nats-", i+1), env, path, "-c", conf)
	}
	return addrs
}

// TestWorkersOfANATSCluster: whichever server a worker is connected to, events, snapshots and
// acknowledgements cross the boundary between the accounts.
func TestWorkersOfANATSCluster(t *testing.T) {
	addrs := natsCluster(t)
	join := func(addr, user, password string, o events.Options) *events.Bus {
		nc, err := events.Connect(withUser(t, "nats://"+addr, user, password), events.ConnectOptions{
			Class: classOf(user), Patient: true, Extra: []nats.Option{nats.DontRandomize()},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		bus, err := events.New(nc, "default", o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { bus.Close() })
		return bus
	}
	ready := make(chan bool, 9)
	pub := join(addrs[0], "publisher", publisherPassword, events.Options{AcksReady: func() { ready <- true }})
	eventstest.Await(t, "the streams, three times", func() bool {
		return pub.Prepare(within(t), port.StreamOptions{MaxAge: 3_600_000, Replicas: 3}) == nil
	})
	at := revocast.Position{Epoch: 1, Rev: 1}
	eventstest.Await(t, "a snapshot to be saved", func() bool {
		return pub.SaveSnapshot(within(t), at, eventstest.States(3000)) == nil
	})
	heard := make(chan port.Ack, 99)
	inBackground(t, func(ctx context.Context) error { return pub.Acks(ctx, func(a port.Ack) { heard <- a }) })
	<-ready
	for i, addr := range addrs {
		work := join(addr, "worker", workerPassword, events.Options{})
		eventstest.Await(t, "the snapshot to be loaded at "+addr, func() bool {
			states, got, err := eventstest.Load(t, work)
			return err == nil && got == at && len(states) == 3000
		})
		r, _ := eventstest.Tail(t, work)
		eventstest.Await(t, "the tail at "+addr, func() bool { return r.Readies() > 0 })
		event := eventstest.Event(1, uint64(i)+2)
		eventstest.Await(t, "the event at "+addr, func() bool {
			return eventstest.Publish(t, pub, event) == nil && len(r.Events()) > 0
		})
		ack := port.Ack{
			Member:  port.MemberID{Class: "default", Worker: fmt.Sprint("w", i), Incarnation: "1"},
			Applied: event.Position,
		}
		eventstest.Await(t, "the acknowledgement from "+addr, func() bool {
			if err := work.Acknowledge(ack); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-heard:
				return got == ack
			default:
				return false
			}
		})
	}
}
