package story_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/store/storetest"
)

// TestMendStream: a stream that somebody deletes while revocations come in is made again and
// refilled, and nothing that was revoked before or meanwhile is missing in it.
func TestMendStream(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, api := s.publisher(s.redis)
	worker := s.worker(s.redis)
	s.ready(api, worker)
	s.revoke(api, "before")
	s.seenWhole(api, time.Time{})

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	revoked := 0
	load.Go(func() {
		for ; ctx.Err() == nil; revoked++ {
			if err := revokePrincipal(ctx, api, fmt.Sprintf("p-%d", revoked)); err != nil && ctx.Err() == nil {
				t.Errorf("under load: %v", err)
				return
			}
		}
	})
	deleted := time.Now()
	s.deleteStream()
	s.seenWhole(api, deleted)
	stop()
	load.Wait()
	s.revoke(api, "after")
	if revoked == 0 {
		t.Error("there was no load")
	}
	s.equal(s.redis, revoked+2)
	if out := s.must("publisher", "repair"); !strings.Contains(
		out, "nothing is to be repaired: both stores hold the same",
	) {
		t.Errorf("repair says %s", out)
	}
}

// TestMendBothLost: two losses are not read as "nobody is revoked", unless somebody says so.
func TestMendBothLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, api := s.publisher(s.redis)
	s.ready(api)
	s.revoke(api, "alice")
	p.stop(t)
	p.ended <- nil
	s.deleteStream()
	s.redis.FlushAll()
	s.redis.Replace()
	s.refused(s.redis, 1, []string{"the stream has lost events", "--accept-loss"}, "publisher", "repair", "--from",
		"jetstream")
	s.refused(s.redis, 1, []string{"--accept-loss"}, "publisher", "repair")
	if out := s.must("publisher", "repair", "--accept-loss", "--json"); !strings.Contains(out, `"from":["jetstream"]`) {
		t.Errorf("repair says %s", out)
	}
	_, api = s.publisher(s.redis)
	s.ready(api)
	s.revoke(api, "bob")
	s.equal(s.redis, 1)
}

// TestMendRedis: a Redis that is emptied under a running publisher is refilled by
// itself. One that no publisher has seen serving is refused until somebody says so.
func TestMendRedis(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, api := s.publisher(s.redis)
	worker := s.worker(s.redis)
	s.ready(api, worker)
	alice, bob := s.token("alice"), s.token("bob")
	s.says(worker, bob, "allowed")
	s.revoke(api, "alice")
	s.seenWhole(api, time.Time{})

	s.redis.FlushAll()
	s.revokeAgain(api, "carol")
	s.says(worker, alice, "revoked")
	s.says(worker, bob, "allowed")
	s.equal(s.redis, 2)

	p.stop(t)
	p.ended <- nil // it was stopped already when the test ends
	s.redis.FlushAll()
	s.redis.Replace()
	_, api = s.publisher(s.redis)
	err := poll(func() error {
		err := api.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "publisher repair --from jetstream") {
			return fmt.Errorf("ready: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.refused(s.redis, 1, []string{
		"ledger is not initialised", "JetStream knows the realm at epoch", "hint: check --redis", "--from jetstream",
	}, "publisher", "repair")
	s.refused(s.redis, 1, []string{"publisher repair"}, "publisher", "init")
	if out := s.must("publisher", "repair", "--from", "jetstream"); !strings.Contains(out, "the ledger serves at 3-") {
		t.Errorf("repair says %s", out)
	}
	s.ready(api, worker)
	s.says(worker, alice, "revoked")
	s.says(worker, bob, "allowed")
	s.revokeAgain(api, "bob")
	s.says(worker, bob, "revoked")
	s.equal(s.redis, 3)
}

// TestMendFenced: after a copy of its Redis has carried the realm on, the old one is
// fenced, says what there is to do, and takes the realm back when it is told to, with
// what was revoked meanwhile.
func TestMendFenced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, api := s.publisher(s.redis)
	s.ready(api)
	s.revoke(api, "alice")
	p.stop(t)
	p.ended <- nil

	other := storetest.Redis(t)
	copyKeys(t, s.redis.Client(), other.Client())
	bob := s.token("bob")
	q, there := s.publisher(other)
	s.ready(there)
	s.revoke(there, "bob")
	q.stop(t)
	q.ended <- nil

	_, api = s.publisher(s.redis)
	err := poll(func() error {
		err := api.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "publisher repair --from redis") {
			return fmt.Errorf("ready: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.refused(s.redis, 1, []string{
		"ledger is fenced", "JetStream knows the realm at epoch 2", "hint: ", "--from redis",
	}, "publisher", "repair")
	s.must("publisher", "repair", "--from", "redis")
	worker := s.worker(s.redis)
	s.ready(api, worker)
	s.says(worker, bob, "revoked")
	s.says(worker, s.token("bob"), "allowed") // a new login
	s.equal(s.redis, 2)
	// No publisher has looked at the other one since: it is open still.
	for _, command := range []string{"audit", "repair"} {
		s.refused(other, 1, []string{
			"ledger is fenced: another Redis carries on the realm", "is open at 2-", "at epoch 3",
		}, "publisher", command)
	}
}

// TestTermsWhileWorkersRun: the lease is lowered and raised under a running fleet, which
// goes on revoking and refusing; a lifetime cannot be raised.
func TestTermsWhileWorkersRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, api := s.publisher(s.redis)
	workers := []*client.Client{s.worker(s.redis), s.worker(s.redis)}
	s.ready(append(workers, api)...)
	for i, lease := range []string{"200ms", "1s", "300ms"} {
		if out := s.must(
			"publisher", "terms", "--lease", lease, "--json",
		); !strings.Contains(out, `"settled":true,"changed":true`) {
			t.Errorf("terms says %s", out)
		}
		name := fmt.Sprintf("p-%d", i)
		bearer := s.token(name)
		s.says(workers[1], bearer, "allowed")
		s.revoke(api, name)
		for _, w := range workers {
			s.says(w, bearer, "revoked")
		}
		if out := s.must("publisher", "terms"); !strings.Contains(out, "lease           "+lease+"\n") {
			t.Errorf("terms says %s", out)
		}
	}
	if out := s.must("publisher", "terms", "--lease", "300ms", "--json"); !strings.Contains(out, `"changed":false`) {
		t.Errorf("terms says %s", out)
	}
	s.refused(s.redis, 2, []string{"cannot be raised"}, "publisher", "terms", "--token-lifetime", "1000h")
	s.refused(s.redis, 2, []string{"lease"}, "publisher", "terms", "--lease", "1ms")
	s.ready(append(workers, api)...)
}
