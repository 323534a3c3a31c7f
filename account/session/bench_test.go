package session_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/token"
)

// ratio runs ours and the peer in turn, in short rounds so that both meet the same
// weather, and reports the median of each and of their ratio, per operation.
func ratio(b *testing.B, perRound int, peer, ours func()) {
	b.Helper()
	round := func(f func()) float64 {
		start := time.Now()
		for range perRound {
			f()
		}
		return float64(time.Since(start).Nanoseconds()) / float64(perRound)
	}
	round(peer)
	round(ours)
	var peers, own, ratios []float64
	for b.Loop() {
		p, o := round(peer), round(ours)
		peers, own, ratios = append(peers, p), append(own, o), append(ratios, o/p)
	}
	b.ReportMetric(median(own), "own-ns")
	b.ReportMetric(median(peers), "peer-ns")
	b.ReportMetric(median(ratios), "ratio")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkSessionHit compares a session that the guard has in its cache with a bearer
// token that it has there.
func BenchmarkSessionHit(b *testing.B) {
	const issuer = "https://login.example.com"
	key, err := token.NewSigningKey()
	must(b, err)
	issue, err := token.NewIssuer(issuer, key, token.IssuerOptions{})
	must(b, err)
	keys, err := token.Static(issue.Key())
	must(b, err)
	verify, err := token.New(keys, token.Options{Issuers: []string{issuer}, AnyAudience: true})
	must(b, err)

	s := newSite(b, 1, verify, session.Options{})
	made, cookie := s.login(session.Login{Principal: "alice", Data: map[string]string{"theme": "dark"}})
	issued, err := issue.Issue(token.Grant{Principal: "alice", Session: made.ID})
	must(b, err)
	guard, ctx := s.guards[0], context.Background()
	// As a request has it: a string of its own, not the very one that is stored.
	bearer := ("Bearer " + issued.Token)[len("Bearer "):]
	cookie = ("session=" + cookie)[len("session="):]
	ratio(b, 20_000, func() {
		if _, v := guard.Check(ctx, bearer); v.Outcome != revocast.Allowed {
			b.Fatal(v.Err)
		}
	}, func() {
		if _, v := guard.CheckSession(ctx, cookie); v.Outcome != revocast.Allowed {
			b.Fatal(v.Err)
		}
	})
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// bareGet answers with as much as a session, and does nothing else.
const bareGet = `#!lua
return { 'ok', '', '1700000000000', '1700000000000', '1700000000000', ARGV[1], redis.call('HGETALL', KEYS[1]) }`

// BenchmarkGet compares a Get that writes nothing with a script that only reads a hash of
// the same fields.
func BenchmarkGet(b *testing.B) {
	k := real(b, session.Options{})
	_, cookie := k.login(session.Login{
		Principal: "alice", Device: "Firefox on Linux", Data: map[string]string{"theme": "dark"},
	})
	ctx, rdb, bare := context.Background(), k.b.Client, redis.NewScript(bareGet)
	keys, err := rdb.Keys(ctx, "*:s:r:*").Result()
	must(b, err)
	hash := string(make([]byte, 64))
	ratio(b, 200, func() {
		if err := bare.Run(ctx, rdb, keys[:1], hash).Err(); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if _, err := k.Get(ctx, cookie); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkList lists 1,000 sessions of one principal.
func BenchmarkList(b *testing.B) {
	k, h := hooked(b, session.Options{})
	k.thousand()
	k.list("alice") // Redis knows the script from here on
	sent := h.sent.Load()
	calls := 0
	for b.Loop() {
		if all, err := k.List(context.Background(), "alice"); err != nil || len(all) != 1000 {
			b.Fatal(len(all), err)
		}
		calls++
	}
	b.ReportMetric(float64(h.sent.Load()-sent)/float64(calls), "roundtrips/op")
}

func (k *kit) thousand() {
	k.t.Helper()
	for range 1000 {
		k.login(session.Login{
			Principal: "alice", Device: "Firefox on Linux", IP: "192.0.2.7", UserAgent: "Mozilla/5.0",
		})
	}
}

// TestOneRoundTrip: listing 1,000 sessions and ending them is one command each.
func TestOneRoundTrip(t *testing.T) {
	k, h := hooked(t, session.Options{})
	k.thousand()
	k.list("alice") // Redis knows the script from here on
	before := h.sent.Load()
	if all := k.list("alice"); len(all) != 1000 {
		t.Errorf("%d listed", len(all))
	}
	if n := h.sent.Load() - before; n != 1 {
		t.Errorf("%d round trips", n)
	}
	if _, err := k.EndAll(k.ctx(), "alice"); err != nil || len(k.list("alice")) != 0 {
		t.Error(err)
	}
	k.told(1, 0)
}
