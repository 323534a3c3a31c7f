package deploytest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

// allowed are the commands that the user of a class may send: those of redis.conf, and those that
// Redis lets everybody send.
var allowed = []string{
	"auth", "cluster|slots", "evalsha", "exists", "hdel", "hello", "hget", "hlen", "hmget", "hset", "hvals", "info",
	"ping", "quit", "reset", "scan", "time", "xrange", "xrevrange",
}

// robbed is a realm on a Redis with the users of redis.conf, and one of another class of workers
// whose password was stolen.
type robbed struct {
	t         *testing.T
	server    *storetest.Server
	pub, work side
	publisher *publisher.Publisher
	guard     *worker.Guard
	thief     redis.UniversalClient
	admin     redis.UniversalClient
}

func newRobbed(t *testing.T) *robbed {
	n := natsServer(t)
	r := &robbed{t: t, server: redisServer(t, otherUsers(t, "web")...)}
	r.pub = connect(t, n, r.server, "publisher", publisherPassword)
	r.work = connect(t, n, r.server, "worker", workerPassword)
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://issuer.example"
	if _, err := publisher.Init(within(t), r.pub.ledger, r.pub.bus, terms); err != nil {
		t.Fatal(err)
	}
	r.publisher = option.Must(publisher.New(r.pub.ledger, r.pub.bus, publisher.Options{Classes: []string{"web"}}))
	victim := option.Must(worker.NewSubscriber(r.work.ledger, r.work.bus, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{Worker: "victim"}))
	r.guard = option.Must(worker.NewGuard(victim, nil, worker.GuardOptions{}))
	inBackground(t, r.publisher.Run)
	inBackground(t, victim.Run)
	for _, ready := range []*port.Readiness{r.publisher.Readiness(), victim.Readiness()} {
		if err := ready.Wait(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	r.thief = option.Must(store.NewClient(withUser(t, r.server.URL(), "worker-web", workerPassword)))
	t.Cleanup(func() { r.thief.Close() })
	r.admin = option.Must(store.NewClient(withUser(t, r.server.URL(), "admin", workerPassword)))
	t.Cleanup(func() { r.admin.Close() })
	return r
}

// otherUsers are the arguments that make the user of another class as redis.conf says, from the line
// of the user worker with the class in the place of default, and one who may do everything.
func otherUsers(t *testing.T, class string) []string {
	of := func(key string) *strings.Replacer { return strings.NewReplacer(key+"default", key+class) }
	rules := of("}:l:").Replace(of("}:m:").Replace(userLine(t, "worker")))
	args := append([]string{"--user", "worker-" + class, "on", ">" + workerPassword}, strings.Fields(rules)...)
	return append(args, "--user", "admin", "on", ">"+workerPassword, "~*", "&*", "+@all")
}

// commands are those that the server has, subcommands as name|sub, with how many words each needs.
func (r *robbed) commands() map[string]int {
	all := map[string]int{}
	var add func(list []any)
	add = func(list []any) {
		for _, item := range list {
			c := item.([]any)
			subs, _ := c[9].([]any)
			if len(subs) > 0 {
				add(subs)
				continue
			}
			words := int(c[1].(int64))
			all[c[0].(string)] = max(words, -words)
		}
	}
	list, err := r.admin.Do(within(r.t), "COMMAND").Slice()
	if err != nil {
		r.t.Fatal(err)
	}
	add(list)
	return all
}

// TestStolenWorkersRedis: who has the Redis password of a class of workers may send a few commands,
// and of all keys changes the two of the class.
func TestStolenWorkersRedis(t *testing.T) {
	r := newRobbed(t)
	var may []string
	for name, words := range r.commands() {
		args := []any{}
		for _, word := range strings.Split(name, "|") {
			args = append(args, word)
		}
		for len(args) < words {
			args = append(args, "1")
		}
		if name == "quit" || name == "reset" || name == "auth" || name == "hello" {
			may = append(may, name) // about the own connection
			continue
		}
		if err := r.thief.Do(within(t), args...).Err(); !refused(err) {
			may = append(may, name)
		}
	}
	slices.Sort(may)
	if !slices.Equal(may, allowed) {
		t.Errorf("a class of workers may send %q, want %q", may, allowed)
	}
	for _, key := range r.keys() {
		mine := key == "{rv:default}:m:web" || key == "{rv:default}:l:web"
		for _, command := range [][]any{{"HSET", key, "x", "1"}, {"HDEL", key, "x"}} {
			err := r.thief.Do(within(t), command...).Err()
			if denied := redis.HasErrorPrefix(err, "NOPERM"); denied == mine {
				t.Errorf("%v by the class web: %v", command, err)
			}
		}
	}
	for _, key := range []string{
		"{rv:other}:meta", "{rv:other}:s:1", "{rv:other}:log", "{rv:default}:i:1", "elsewhere",
	} {
		if err := r.thief.HGet(within(t), key, "x").Err(); !redis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("a class of workers may read %s: %v", key, err)
		}
	}
}

// refused: by the rights, or for want of what the rights refuse.
func refused(err error) bool {
	if redis.HasErrorPrefix(err, "NOPERM") {
		return !strings.Contains(err.Error(), "one of the keys")
	}
	return redis.HasErrorPrefix(err, "MODULE command not allowed") ||
		redis.HasErrorPrefix(err, "EXECABORT")
}

// keys are those of the realm, and some that it may have.
func (r *robbed) keys() []string {
	keys, err := r.admin.Keys(within(r.t), "*").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	more := map[string]bool{}
	for _, name := range []string{
		"meta", "log", "acked", "witnesses", "i:0", "turn:audit", "s:00000000000000000000000000000000", "m:default",
		"l:default", "m:web", "l:web", "m:web2", "m:", "a:owed",
	} {
		more["{rv:default}:"+name] = true
	}
	for _, key := range keys {
		more[key] = true
	}
	return slices.Sorted(maps.Keys(more))
}

// TestStolenWorkersScripts: the scripts of publishers do nothing for the user of a class, nor do the
// scripts of workers for another class.
func TestStolenWorkersScripts(t *testing.T) {
	r := newRobbed(t)
	url := withUser(t, r.server.URL(), "worker-web", workerPassword)
	asPublisher := option.Must(store.Open(url, "default", store.Options{}))
	defer asPublisher.Close()
	asDefault := option.Must(store.Open(url, "default", store.Options{Class: "default"}))
	defer asDefault.Close()
	before, err := r.pub.ledger.Describe(within(t))
	if err != nil {
		t.Fatal(err)
	}
	terms := port.DefaultTerms()
	terms.Lease *= 100
	victim := port.Member{ID: port.MemberID{Class: "default", Worker: "victim", Incarnation: "1"}, Still: 1 << 50}
	ctx := within(t)
	for name, theft := range map[string]func() error{
		"commit":     func() error { return second(asPublisher.Commit(ctx, "k", []revocast.Event{forgedBan()})) },
		"terms":      func() error { return asPublisher.SetTerms(ctx, terms) },
		"fence":      func() error { return asPublisher.Fence(ctx, 1) },
		"reopen":     func() error { return asPublisher.Reopen(ctx, 9, "x") },
		"begin":      func() error { return asPublisher.Begin(ctx, 9, terms) },
		"admit":      func() error { return asPublisher.Admit(ctx, []string{"evil"}) },
		"prune":      func() error { return second(asPublisher.Prune(ctx)) },
		"strike":     func() error { return second(asPublisher.Strike(ctx, victim)) },
		"turn":       func() error { return second(asPublisher.Turn(ctx, "audit", "me", 1e12)) },
		"turn leads": func() error { return second(asPublisher.TurnLeads(ctx, 0)) },
		"settle":     func() error { return asPublisher.Settle(ctx, 1, 0) },
		"renew":      func() error { return second(asDefault.Renew(ctx, port.Renewal{Member: victim.ID, Limit: 1})) },
		"leave":      func() error { return asDefault.Leave(ctx, victim.ID) },
		"sight": func() error {
			return second(asDefault.Sight(ctx, port.Sighting{Issuer: revocast.Key{1}, Known: 9000}))
		},
	} {
		if err := theft(); err == nil || errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s by the user of a class: %v", name, err)
		}
	}
	after, err := r.pub.ledger.Describe(within(t))
	if err != nil || after.Position != before.Position || after.Terms != before.Terms || after.Lead != before.Lead ||
		!slices.Equal(after.Classes, before.Classes) || after.State != port.LedgerOpen {
		t.Errorf("the ledger was %+v, is %+v, %v", before, after, err)
	}
	r.revokes(0, 1)
}

func second[T any](_ T, err error) error { return err }

func forgedBan() revocast.Event {
	return revocast.Event{
		Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal,
		Key: revocast.KeyOf("default", revocast.ScopePrincipal, "https://issuer.example", "alice"),
	}
}

// revokes makes a revocation, which is confirmed within a lease and a second, and which the worker of
// the other class obeys.
func (r *robbed) revokes(i, live int) {
	r.t.Helper()
	id := fmt.Sprint("s", i)
	receipt, err := r.publisher.Revoke(within(r.t), revocast.Revocation{Scope: revocast.ScopeSession, ID: id})
	if err != nil || receipt.Strength != revocast.Confirmed {
		r.t.Fatalf("revocation %d: %+v, %v", i, receipt, err)
	}
	if live > 0 && receipt.Workers.Live != live {
		r.t.Errorf("revocation %d: %+v, want %d workers", i, receipt.Workers, live)
	}
	if limit := port.DefaultTerms().Wait() + patience/20; receipt.Took > limit {
		r.t.Errorf("revocation %d took %s, want at most %s", i, receipt.Took, limit)
	}
	if v := r.check(id); v.Outcome != revocast.Revoked {
		r.t.Errorf("revocation %d was confirmed, and a worker of another class answers %+v", i, v)
	}
	if v := r.check("another"); v.Outcome != revocast.Allowed {
		r.t.Errorf("a session that nobody has revoked: %+v", v)
	}
}

// check asks the worker of the class default.
func (r *robbed) check(session string) revocast.Verdict {
	now := time.Now()
	return r.guard.CheckClaims(within(r.t), &revocast.Claims{
		Issuer: "https://issuer.example", Session: session, Principal: "p", TokenID: session,
		IssuedAt: now, Expires: now.Add(time.Hour),
	})
}

// TestHostileClass: while the user of a class sends whatever it may at random, beside the members that
// it makes up, revocations go on being confirmed, and hold for the workers of another class.
func TestHostileClass(t *testing.T) {
	r := newRobbed(t)
	draw := rand.New(rand.NewPCG(1, 2))
	keys := r.keys()
	words := []string{
		"gen", "heard", "m:w/1", "m:victim/1", "a:w/1", "1 1 1 1 - v", "9 9 9 9 9", "-1", "99999999999999999999", "x",
		strings.Repeat("y", 100_000), "", "0", "inf", "nan", "1 9007199254740991 5 5 0 ",
	}
	word := func() string { return words[draw.IntN(len(words))] }
	key := func() string { return keys[draw.IntN(len(keys))] }
	one := func(ctx context.Context) {
		commands := [][]any{
			{"HSET", "{rv:default}:m:web", word(), word()},
			{"HSET", "{rv:default}:m:web", fmt.Sprintf("m:w%d/1", draw.IntN(1000)), word()},
			{"HSET", "{rv:default}:l:web", word(), word()},
			{"HDEL", "{rv:default}:m:web", word()},
			{"HSET", key(), word(), word()},
			{"HDEL", key(), word()},
			{"XRANGE", "{rv:default}:log", "-", "+"},
			{"SCAN", "0", "COUNT", "1000"},
			{"INFO"},
			{"HMGET", key(), word(), word()},
		}
		_ = r.thief.Do(ctx, commands[draw.IntN(len(commands))]...).Err()
	}
	for i := range sequences(t) {
		for range 25 {
			one(within(t))
		}
		if i%10 == 0 {
			r.revokes(i, 0)
		}
	}
	if err := r.publisher.Readiness().Err(); err != nil {
		t.Errorf("the publisher is not ready: %v", err)
	}
}

// sequences is how many sequences of commands are tried: SEQUENCES, or 40.
func sequences(t *testing.T) int {
	t.Helper()
	text := cmp.Or(os.Getenv("SEQUENCES"), "40")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("SEQUENCES=%s: %v", text, err)
	}
	return n
}

// userLine is what redis.conf lets a user do.
func userLine(t *testing.T, user string) string {
	t.Helper()
	args := redisUsers(t)
	for i, arg := range args {
		if arg != "--user" || args[i+1] != user {
			continue
		}
		rules := args[i+4:]
		if end := slices.Index(rules, "--user"); end >= 0 {
			rules = rules[:end]
		}
		return strings.Join(rules, " ")
	}
	t.Fatalf("no user %s", user)
	return ""
}
