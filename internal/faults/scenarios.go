package faults

import (
	"context"
	"errors"
	"time"
)

// Goals, for a lease of three seconds. They are measured and reported, and no trial fails because
// it misses one: a busy machine is not a broken guarantee.
const (
	goalAfterLoss = 3200 * time.Millisecond // next confirmed revocation after a worker is lost
	goalInForce   = 1200 * time.Millisecond // committed and in force everywhere, without NATS
	goalReturn    = 1500 * time.Millisecond // service after Redis is back
	goalRefill    = time.Second             // ledger complete again, and
	goalPerRecord = 20 * time.Microsecond   // for each record
	goalFlood     = 50_000                  // revocations a second, without a lease lapsing
)

// Scenarios are all of them, in the order in which the long run takes them.
func Scenarios() []Scenario {
	return append([]Scenario{
		{Name: "calm", What: "nothing happens", Strict: true, Run: calm},
		{Name: "worker killed", What: "SIGKILL, and started again", Strict: true, Run: workerKilled},
		{Name: "worker stopped", What: "SIGSTOP for 0.1 s to " +
			"three leases, then SIGCONT", Strict: true, Run: workerStopped},
		{Name: "publisher lost", What: "SIGKILL and SIGSTOP of one of the " +
			"publishers", Strict: true, Run: publisherLost},
		{Name: "worker cut off", What: "a worker loses NATS, Redis or both, both " +
			"ways or one", Strict: true, Run: workerCutOff},
		{Name: "publisher cut off", What: "a publisher loses NATS, Redis or both, both " +
			"ways or one", Strict: true, Run: publisherCutOff},
		{Name: "NATS node killed", What: "SIGKILL of each node in turn", Strict: true, Run: nodeKilled},
		{Name: "NATS gone", What: "SIGKILL of every node, started again after two leases", Strict: true, Run: natsGone},
		{Name: "Redis killed", What: "SIGKILL, started again at once", Run: redisKilled},
		{Name: "Redis gone", What: "SIGKILL, started again after three leases", Run: redisGone},
		{Name: "everything restarted", What: "SIGTERM of Redis, of NATS, of the programs, and of all at once, " +
			"started again", Run: restarted},
		{Name: "Redis emptied", What: "FLUSHALL", Run: redisEmptied},
		{Name: "Redis without its file", What: "SIGKILL, append-only file deleted, started again", Run: redisForgot},
		{Name: "Redis rolled back", What: "SIGKILL, started again from " +
			"an older append-only file", Run: redisRolledBack},
		{Name: "Redis clock", What: "the primary's wall clock an hour ahead for four leases, then an hour behind; " +
			"Redis emptied after that", Run: clockJumps},
		{Name: "states vanish", What: "every second state deleted in Redis, then the log", Run: statesVanish},
		{Name: "stream deleted", What: "the stream of events is deleted, Redis emptied once it is " +
			"whole again", Run: streamDeleted},
		{Name: "stream recreated", What: "deleted and made again, empty; Redis emptied once it is " +
			"whole again", Run: streamRecreated},
		{Name: "stream full", What: "limits edited so that the stream refuses every " +
			"message, and widened again", Strict: true, Run: streamFull},
		{Name: "stream edited", What: "limits, age, acknowledgements and subjects of the stream edited while all " +
			"runs; Redis emptied once it is whole again", Run: streamEdited},
		{Name: "JetStream older", What: "every NATS node killed and started from an older backup, before the latest " +
			"epoch; then Redis killed, and emptied", Run: jetStreamOlder},
		{Name: "primary lost", What: "Redis primary killed, replica promoted", Replica: true, Run: primaryLost},
		{Name: "replica an hour off", What: "Redis primary killed, a replica promoted whose wall clock is an hour " +
			"ahead, then one an hour behind", Replica: true, Run: replicaOff},
		{Name: "lagging replica promoted", What: "replication cut, replica promoted while the old " +
			"primary goes on", Replica: true, Run: laggingPromoted},
		{Name: "publisher left behind", What: "a publisher goes on with the old primary, and reaches NATS again " +
			"after the new one is open", Replica: true, Run: leftBehind},
	}, heavy()...)
}

func calm(ctx context.Context, t *Trial) error {
	for range 50 {
		if err := t.probes(ctx, "revocation confirmed by all workers", 1, 0); err != nil {
			return err
		}
		if err := t.Rest(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// someWorker and somePublisher pick one by the trial's seed.
func (t *Trial) someWorker() *Worker { return t.Workers[t.Random.IntN(len(t.Workers))] }

func (t *Trial) somePublisher() *Publisher { return t.Publishers[t.Random.IntN(len(t.Publishers))] }

func workerKilled(ctx context.Context, t *Trial) error {
	for range 3 {
		w := t.someWorker()
		w.Kill()
		if err := t.afterLoss(ctx, "a worker was killed"); err != nil {
			return err
		}
		up := t.h.Now()
		if err := w.Start(); err != nil {
			return err
		}
		if err := t.Healthy(ctx); err != nil {
			return err
		}
		t.Measure("worker ready after its start", time.Duration(t.h.Now()-up), 0)
	}
	return nil
}

// afterLoss measures the first confirmation after a worker was lost, and the later ones.
func (t *Trial) afterLoss(ctx context.Context, what string) error {
	if err := t.probes(ctx, "first confirmation after "+what, 1, goalAfterLoss); err != nil {
		return err
	}
	return t.probes(ctx, "later confirmations after "+what, 10, 0)
}

// workerStopped asks the stopped worker too: checks of what was confirmed meanwhile wait in its
// socket, and it answers them the moment it wakes.
func workerStopped(ctx context.Context, t *Trial) error {
	for _, d := range []time.Duration{
		100 * time.Millisecond, 300 * time.Millisecond, time.Second, t.Lease, t.Lease * 5 / 4, 2 * t.Lease, 3 * t.Lease,
	} {
		w := t.someWorker()
		if err := w.Pause(); err != nil {
			return err
		}
		stopped, woken := t.h.Now(), make(chan error, 1)
		wake := time.AfterFunc(d, func() { woken <- w.Resume() })
		if err := t.afterLoss(ctx, "a worker was stopped"); err != nil {
			if wake.Stop() {
				err = errors.Join(err, w.Resume())
			}
			return err
		}
		if err := <-woken; err != nil {
			return err
		}
		woke := stopped + int64(d)
		if err := t.Rest(ctx, 300*time.Millisecond); err != nil {
			return err
		}
		t.noteWaking(w, stopped, woke)
	}
	return nil
}

// noteWaking notes a stopped worker's answers to checks that were sent meanwhile.
func (t *Trial) noteWaking(w *Worker, stopped, woke int64) {
	var answers [3]int
	for _, s := range t.Samples() {
		if s.Worker == w.Number && s.Call > stopped && s.Call < woke && s.Ret > woke {
			answers[s.Answer]++
		}
	}
	t.Note("stopped for %s, asked meanwhile and answered on waking: %d refused, %d allowed, %d unknown",
		time.Duration(woke-stopped).Round(100*time.Millisecond), answers[Refused], answers[Allowed], answers[Unknown])
}

func publisherLost(ctx context.Context, t *Trial) error {
	for range 2 {
		p := t.somePublisher()
		p.Kill()
		if err := t.probes(ctx, "confirmation after a publisher was killed", 10, 0); err != nil {
			return err
		}
		if err := p.Start(); err != nil {
			return err
		}
		if err := t.Healthy(ctx); err != nil {
			return err
		}
		p = t.somePublisher()
		if err := p.Pause(); err != nil {
			return err
		}
		err := t.Rest(ctx, time.Duration(1+t.Random.IntN(3))*t.Lease)
		if err := p.Resume(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nodeKilled kills one node at a time, so that the others still serve.
func nodeKilled(ctx context.Context, t *Trial) error {
	for _, n := range t.Nodes {
		n.Kill()
		if err := t.probes(ctx, "confirmation after a NATS node was killed", 10, 0); err != nil {
			return err
		}
		if err := n.Start(); err != nil {
			return err
		}
		if err := t.NodesServe(ctx); err != nil {
			return err
		}
		if err := t.Rest(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

func natsGone(ctx context.Context, t *Trial) error {
	t.KillNodes()
	for range 5 {
		if err := t.commitInForce(
			ctx, "committed revocation in force at every worker, without NATS", goalInForce,
		); err != nil {
			return err
		}
	}
	receipt, w, covers, err := t.pendingWhile(ctx, t.Publishers[0], time.Second)
	if err != nil {
		return err
	}
	if err := t.Rest(ctx, t.Lease); err != nil {
		return err
	}
	if err := t.StartNodes(ctx); err != nil {
		return err
	}
	up := t.h.Now()
	if err := t.completes(ctx, t.Publishers[0], receipt, w, covers); err != nil {
		return err
	}
	t.Measure("pending revocation confirmed after JetStream is back", time.Duration(t.h.Now()-up), 0)
	return nil
}
