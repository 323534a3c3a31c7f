package revocast_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
)

// edit changes how a stream of the realm is configured, as `nats stream edit` does.
func (r *rig) edit(name string, change func(*jetstream.StreamConfig)) {
	r.t.Helper()
	js, err := jetstream.New(r.nats.Conn(r.t))
	r.must(err)
	stream, err := js.Stream(r.t.Context(), name)
	r.must(err)
	c := stream.CachedInfo().Config
	change(&c)
	_, err = js.UpdateStream(r.t.Context(), c)
	r.must(err)
}

// awaiting waits until what returns nil.
func (r *rig) awaiting(limit time.Duration, what func() error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := what()
		if err == nil {
			return
		}
		pause := time.NewTimer(20 * time.Millisecond)
		select {
		case <-ctx.Done():
			r.t.Fatal(err)
		case <-pause.C:
		}
	}
}

// equal fails unless both stores hold n states.
func (r *rig) equal(n int) error {
	report, err := revocast.Audit(r.t.Context(), r.ledger(), r.bus())
	if err == nil && (!report.OK() || report.Ledger != n || report.Stream != n) {
		err = fmt.Errorf("%d states in Redis and %d in the stream, %d and %d missing; want %d in both",
			report.Ledger, report.Stream, report.MissingInLedger, report.MissingInStream, n)
	}
	return err
}

// auditing is a publisher that compares the stream often.
func (r *rig) auditing(log *lockedBuffer) *revocast.Publisher {
	r.t.Helper()
	p := revocast.NewPublisher(r.ledger(), r.bus(), revocast.PublisherOptions{
		AuditEvery: 200 * time.Millisecond, Logger: textLogger(log),
	})
	r.run(p.Run)
	r.awaiting(10*time.Second, p.Ready().Err)
	return p
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Real streams, edited while a publisher runs: it changes them back and refills what they
// lost, and an emptied Redis comes back with everything.
func TestEditedStreamOnTheServer(t *testing.T) {
	r := newRig(t)
	log := &lockedBuffer{}
	p := r.auditing(log)
	_, err := p.Ban(t.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
	r.must(err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log)
		}
	})
	n := 1
	more := func(strength revocast.Strength) {
		t.Helper()
		var batch []revocast.Revocation
		for range 300 {
			batch = append(batch, revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint("id", n)})
			n++
		}
		_, err := p.RevokeBatch(t.Context(), batch, revocast.WithStrength(strength))
		r.must(err)
	}
	more(revocast.Confirmed)
	for what, change := range map[string]func(*jetstream.StreamConfig){
		"per subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 50 },
		"age":         func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Second, time.Second },
		"oldest":      func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 50 },
		"no ack":      func(c *jetstream.StreamConfig) { c.NoAck = true },
		"subjects":    func(c *jetstream.StreamConfig) { c.Subjects = []string{"rv." + realm + ".elsewhere"} },
		"interest":    func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
	} {
		mended := p.Stats().StreamMends
		r.edit("RV_"+realm, change)
		more(revocast.Committed)
		r.awaiting(20*time.Second, func() error {
			if p.Stats().StreamMends == mended {
				return fmt.Errorf("%s: nothing was changed back", what)
			}
			return r.equal(n)
		})
	}
	if !strings.Contains(log.String(), "level=ERROR msg=\"somebody edited") {
		t.Error("the log does not say so")
	}
	r.must(r.redis.Client().FlushAll(t.Context()).Err())
	r.awaiting(20*time.Second, func() error { return errors.Join(p.Ready().Err(), r.equal(n)) })
}

// A sealed stream: in force, not confirmed, said by everything that is asked; and removed
// it is made anew.
func TestSealedStreamOnTheServer(t *testing.T) {
	r := newRig(t)
	log := &lockedBuffer{}
	p := r.auditing(log)
	_, err := p.Revoke(t.Context(), revokeAlice())
	r.must(err)
	r.edit("RV_"+realm, func(c *jetstream.StreamConfig) { c.Sealed = true })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	receipt, err := p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
	if !errors.Is(err, revocast.ErrPending) || receipt.Strength != revocast.Committed {
		t.Errorf("%+v, %v", receipt, err)
	}
	r.awaiting(10*time.Second, func() error {
		ready, stats := p.Ready().Err(), p.Stats().StreamError
		if ready == nil || stats == nil || !strings.Contains(ready.Error(), "nats stream rm RV_"+realm) {
			return fmt.Errorf("ready %w, stream error %w", ready, stats)
		}
		return nil
	})
	if !strings.Contains(log.String(), "sealed") {
		t.Error("the log does not say so")
	}
	js, err := jetstream.New(r.nats.Conn(t))
	r.must(err)
	r.must(js.DeleteStream(t.Context(), "RV_"+realm))
	r.awaiting(20*time.Second, func() error { return errors.Join(p.Ready().Err(), r.equal(2)) })
	wait, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	_, err = p.Await(wait, receipt.Position)
	r.must(err)
}

// JetStream comes back from a backup, with the epoch's record and the stream of the time:
// publishers write the record again and refill the stream, and a restart of Redis is one.
func TestJetStreamFromABackup(t *testing.T) {
	r := newRig(t)
	log := &lockedBuffer{}
	p := r.auditing(log)
	_, err := p.Revoke(t.Context(), revokeAlice())
	r.must(err)
	restore := r.nats.Backup()
	serves := func() error { return p.Ready().Err() }
	r.awaiting(20*time.Second, func() error { return r.equal(1) })
	r.redis.Restart()
	r.awaiting(20*time.Second, serves)
	_, err = p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}, revocast.WithStrength(revocast.Durable))
	r.must(err)
	restore()
	r.awaiting(30*time.Second, func() error {
		record, err := r.bus().Epoch(t.Context())
		if err == nil && record.Epoch != 2 {
			err = fmt.Errorf("the record is of epoch %d", record.Epoch)
		}
		return errors.Join(err, r.equal(2))
	})
	r.redis.Restart()
	r.awaiting(20*time.Second, func() error {
		d, err := r.ledger().Describe(t.Context())
		if err == nil && (d.State != revocast.LedgerOpen || d.Position.Epoch != 3) {
			err = fmt.Errorf("the ledger is %s at %s", d.State, d.Position)
		}
		return err
	})
	r.awaiting(20*time.Second, serves)
	if n := strings.Count(log.String(), "level=ERROR"); n > 10 {
		t.Errorf("%d errors were logged:\n%s", n, log)
	}
}

// A record that is no record is replaced by the ledger that carries the realm.
func TestGarbageInPlaceOfTheRecord(t *testing.T) {
	r := newRig(t)
	p := r.auditing(&lockedBuffer{})
	js, err := jetstream.New(r.nats.Conn(t))
	r.must(err)
	_, err = js.Publish(t.Context(), "rv."+realm+".epoch", []byte("{}"))
	r.must(err)
	r.awaiting(10*time.Second, func() error { _, err := r.bus().Epoch(t.Context()); return err })
	_, err = p.Revoke(t.Context(), revokeAlice())
	r.must(err)
}

func textLogger(to *lockedBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }
