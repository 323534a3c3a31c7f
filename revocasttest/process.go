package revocasttest

import (
	"strconv"
	"sync/atomic"

	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// numbers make the names of processes differ.
var numbers atomic.Uint64

func name(kind string) string { return kind + "-" + strconv.FormatUint(numbers.Add(1), 10) }

// Worker is one process of the fleet that checks tokens.
type Worker struct {
	*worker.Guard

	Name       string
	Subscriber *worker.Subscriber
	// Ledger and Bus are between the process and Redis, and between it and NATS.
	Ledger, Bus *Link

	stop func()
}

// Worker starts a worker and waits until it is ready. It accepts the fleet's tokens.
func (f *Fleet) Worker(o worker.Options) *Worker {
	f.tb.Helper()
	w := &Worker{Name: o.Worker}
	if w.Name == "" {
		w.Name = name("worker")
	}
	o.Worker = w.Name
	if o.Logger == nil {
		o.Logger = f.log
	}
	if o.View == nil {
		view, err := cache.New(cache.Options{})
		f.must(err)
		o.View = view
	}
	ledger, bus, links := f.stores.open(f.tb, w.Name)
	w.Ledger, w.Bus = &Link{links.ledger}, &Link{links.bus}
	var err error
	if o.Names == nil {
		o.Names = f.names
	}
	w.Subscriber, err = worker.NewSubscriber(ledger, bus, o.View, o.SubscriberOptions)
	f.must(err)
	w.Guard, err = worker.NewGuard(w.Subscriber, f.Verifier(), o.Guard)
	f.must(err)
	stop := f.run(w.Subscriber.Run)
	f.await(w.Subscriber.Readiness())
	f.workers = append(f.workers, w)
	w.stop = func() {
		stop()
		f.leave(w)
	}
	return w
}

// Workers starts n workers.
func (f *Fleet) Workers(n int) []*Worker {
	f.tb.Helper()
	ws := make([]*Worker, n)
	for i := range ws {
		ws[i] = f.Worker(worker.Options{})
	}
	return ws
}

// Stop ends the worker as a rolling update does: it leaves the fleet. A link that is cut makes it a
// crash, which costs the next revocation up to one lease.
func (w *Worker) Stop() { w.stop() }

// Cut cuts both links.
func (w *Worker) Cut() {
	w.Ledger.Cut()
	w.Bus.Cut()
}

// Mend mends both links.
func (w *Worker) Mend() {
	w.Ledger.Mend()
	w.Bus.Mend()
}

func (f *Fleet) leave(gone *Worker) {
	for i, w := range f.workers {
		if w == gone {
			f.workers = append(f.workers[:i], f.workers[i+1:]...)
			return
		}
	}
}

// Publisher is one process that revokes.
type Publisher struct {
	*publisher.Publisher

	// Ledger and Bus are between the process and Redis, and between it and NATS.
	Ledger, Bus *Link

	stop func()
}

// Publisher starts a publisher and waits until it is ready.
func (f *Fleet) Publisher(o publisher.Options) *Publisher {
	f.tb.Helper()
	if o.Logger == nil {
		o.Logger = f.log
	}
	ledger, bus, links := f.stores.open(f.tb, name("publisher"))
	if o.Names == nil {
		o.Names = f.names
	}
	own, err := publisher.New(ledger, bus, o)
	f.must(err)
	p := &Publisher{Publisher: own, Ledger: &Link{links.ledger}, Bus: &Link{links.bus}}
	p.stop = f.run(p.Run)
	f.await(p.Readiness())
	return p
}

// Stop ends the publisher.
func (p *Publisher) Stop() { p.stop() }

// Cut cuts both links.
func (p *Publisher) Cut() {
	p.Ledger.Cut()
	p.Bus.Cut()
}

// Mend mends both links.
func (p *Publisher) Mend() {
	p.Ledger.Mend()
	p.Bus.Mend()
}
