package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
)

// Real streams, edited while a publisher runs: it changes them back and refills what they
// lost, and an emptied Redis comes back with everything.
func TestEditedStreamOnTheServer(t *testing.T) {
	r := fleettest.NewRig(t)
	log := &fleettest.LockedBuffer{}
	p := r.Auditing(log)
	_, err := p.Ban(t.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
	r.Must(err)
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
		r.Must(err)
	}
	more(revocast.Confirmed)
	for what, change := range map[string]func(*jetstream.StreamConfig){
		"per subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 50 },
		"age":         func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Second, time.Second },
		"oldest":      func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 50 },
		"no ack":      func(c *jetstream.StreamConfig) { c.NoAck = true },
		"subjects": func(c *jetstream.StreamConfig) {
			c.Subjects = []string{"rv." + fleettest.Realm + ".elsewhere"}
		},
		"interest": func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
	} {
		mended := p.Stats().StreamMends
		r.Edit("RV_"+fleettest.Realm, change)
		more(revocast.Committed)
		r.Awaiting(20*time.Second, func() error {
			if p.Stats().StreamMends == mended {
				return fmt.Errorf("%s: nothing was changed back", what)
			}
			return r.Equal(n)
		})
	}
	if !strings.Contains(log.String(), "level=ERROR msg=\"somebody edited") {
		t.Error("the log does not say so")
	}
	// A refill is over when the ledger knows where it begins. An audit that begins after it says so.
	audits := p.Stats().Audits
	r.Awaiting(20*time.Second, func() error {
		if n := p.Stats().Audits; n < audits+2 {
			return fmt.Errorf("%d audits since", n-audits)
		}
		return p.Status().StreamError
	})
	r.Must(r.Redis.Client().FlushAll(t.Context()).Err())
	r.Awaiting(20*time.Second, func() error { return errors.Join(p.Ready(), r.Equal(n)) })
}

// A sealed stream: in force, not confirmed, said by everything that is asked; and removed it is
// made again.
func TestSealedStreamOnTheServer(t *testing.T) {
	r := fleettest.NewRig(t)
	log := &fleettest.LockedBuffer{}
	p := r.Auditing(log)
	_, err := p.Revoke(t.Context(), fleettest.RevokeAlice())
	r.Must(err)
	r.Edit("RV_"+fleettest.Realm, func(c *jetstream.StreamConfig) { c.Sealed = true })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	receipt, err := p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
	if !errors.Is(err, revocast.ErrPending) || receipt.Strength != revocast.Committed {
		t.Errorf("%+v, %v", receipt, err)
	}
	r.Awaiting(10*time.Second, func() error {
		ready, stats := p.Ready(), p.Status().StreamError
		if ready == nil || stats == nil || !strings.Contains(ready.Error(), "nats stream rm RV_"+fleettest.Realm) {
			return fmt.Errorf("ready %w, stream error %w", ready, stats)
		}
		return nil
	})
	if !strings.Contains(log.String(), "sealed") {
		t.Error("the log does not say so")
	}
	js, err := jetstream.New(r.Nats.Conn(t))
	r.Must(err)
	r.Must(js.DeleteStream(t.Context(), "RV_"+fleettest.Realm))
	r.Awaiting(20*time.Second, func() error { return errors.Join(p.Ready(), r.Equal(2)) })
	wait, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	_, err = p.Await(wait, receipt.Position)
	r.Must(err)
}

// JetStream comes back from a backup, with the epoch's record and the stream of the time:
// publishers write the record again and refill the stream, and a restart of Redis is one.
func TestJetStreamFromABackup(t *testing.T) {
	r := fleettest.NewRig(t)
	log := &fleettest.LockedBuffer{}
	p := r.Auditing(log)
	_, err := p.Revoke(t.Context(), fleettest.RevokeAlice())
	r.Must(err)
	restore := r.Nats.Backup()
	serves := func() error { return p.Ready() }
	r.Awaiting(20*time.Second, func() error { return r.Equal(1) })
	r.Redis.Restart()
	r.Awaiting(20*time.Second, serves)
	_, err = p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"},
		revocast.WithStrength(revocast.Durable))
	r.Must(err)
	restore()
	r.Awaiting(30*time.Second, func() error {
		record, err := r.Bus().Epoch(t.Context())
		if err == nil && record.Epoch != 2 {
			err = fmt.Errorf("the record is of epoch %d", record.Epoch)
		}
		return errors.Join(err, r.Equal(2))
	})
	r.Redis.Restart()
	r.Awaiting(20*time.Second, func() error {
		d, err := r.Ledger().Describe(t.Context())
		if err == nil && (d.State != port.LedgerOpen || d.Position.Epoch != 3) {
			err = fmt.Errorf("the ledger is %s at %s", d.State, d.Position)
		}
		return err
	})
	r.Awaiting(20*time.Second, serves)
	if n := strings.Count(log.String(), "level=ERROR"); n > 10 {
		t.Errorf("%d errors were logged:\n%s", n, log)
	}
}

// A record that is no record is replaced by the ledger that carries the realm.
func TestGarbageInPlaceOfTheRecord(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Auditing(&fleettest.LockedBuffer{})
	js, err := jetstream.New(r.Nats.Conn(t))
	r.Must(err)
	_, err = js.Publish(t.Context(), "rv."+fleettest.Realm+".epoch", []byte("{}"))
	r.Must(err)
	r.Awaiting(10*time.Second, func() error { _, err := r.Bus().Epoch(t.Context()); return err })
	_, err = p.Revoke(t.Context(), fleettest.RevokeAlice())
	r.Must(err)
}
