package revocast_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/oklog/run"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// service is a user's process: a worker and a publisher in one group with whatever else
// it runs, which all ends when one of them does.
type service struct {
	guard     *revocast.Guard
	sub       *revocast.Subscriber
	publisher *revocast.Publisher
	ended     chan error
}

// serve runs a service on servers that may be away, or refuse, for as long as they like.
func (r *rig) serve(natsURL, redisURL string) *service {
	r.t.Helper()
	return r.serveVia(natsURL, redisURL, events.ConnectOptions{Patient: true}, logger())
}

// serveVia is serve with more to say about the connection, and a log.
func (r *rig) serveVia(natsURL, redisURL string, o events.ConnectOptions, log *slog.Logger) *service {
	r.t.Helper()
	o.Logger = log
	nc, err := events.Connect(natsURL, o)
	r.must(err)
	r.t.Cleanup(nc.Close)
	bus, err := events.New(nc, realm, events.Options{Logger: log})
	r.must(err)
	r.t.Cleanup(func() { _ = bus.Close() })
	ledger, err := store.Open(redisURL, realm, store.Options{})
	r.must(err)
	r.t.Cleanup(func() { _ = ledger.Close() })
	s := &service{ended: make(chan error, 1)}
	s.sub = revocast.NewSubscriber(ledger, bus, cache.New(cache.Options{}), revocast.SubscriberOptions{Worker: "w", Logger: log})
	s.guard = revocast.NewGuard(s.sub, r.verify, revocast.GuardOptions{})
	s.publisher = revocast.NewPublisher(ledger, bus, revocast.PublisherOptions{Logger: log})
	ctx, cancel := context.WithCancel(context.Background())
	var g run.Group
	for _, component := range []func(context.Context) error{s.sub.Run, s.publisher.Run, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}} {
		g.Add(func() error { return component(ctx) }, func(error) { cancel() })
	}
	go func() { s.ended <- g.Run() }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-s.ended; err != nil {
			r.t.Errorf("the group ended with %v", err)
		}
	})
	return s
}

// alive fails the test if the service has ended.
func (r *rig) alive(s *service, when string) {
	r.t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- nil
		r.t.Fatalf("%s: the user's whole service ended: %v", when, err)
	default:
	}
}

// confirms waits until a revocation is confirmed by the worker's own acknowledgement, and
// the token of it refused.
func (r *rig) confirms(s *service, when string) {
	r.t.Helper()
	n := 0
	eventstest.Await(r.t, when+": a revocation confirmed by acknowledgement", func() bool {
		r.alive(s, when)
		n++
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		receipt, err := s.publisher.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint(when, n)})
		return err == nil && receipt.Workers.Confirmed == receipt.Workers.Live && receipt.Workers.Live > 0 && s.sub.Status().Unheard == "" && s.sub.Status().Unacknowledged == ""
	})
}

func denied(subscribe, publish []string) func(*server.Options) {
	return func(o *server.Options) {
		o.NoAuthUser = "admin"
		o.Users = []*server.User{{Username: "admin", Password: "a"}, {Username: "u", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Deny: subscribe}, Publish: &server.SubjectPermission{Deny: publish},
		}}}
	}
}

// TestWhatNATSSaysEndsNoService: the worker serves from the ledger, the publisher commits,
// and when NATS is fine again all is as before. Each cause comes twice: while the service
// runs, and before its start.
func TestWhatNATSSaysEndsNoService(t *testing.T) {
	fine := denied(nil, nil)
	causes := []struct {
		name string
		said func(*server.Options)
		fine func(*server.Options)
	}{
		{"events may not be heard", denied([]string{"rv.test.ev.*"}, nil), fine},
		{"acknowledgements may not be heard", denied([]string{"rv.test.ack.*"}, nil), fine},
		{"acknowledgements may not be sent", denied(nil, []string{"rv.test.ack.*"}), fine},
		{"nothing may be heard", denied([]string{">"}, nil), fine},
		{"nothing may be sent", denied(nil, []string{">"}), fine},
		{"JetStream may not be asked", denied(nil, []string{"$JS.>"}), fine},
		{"another password", func(o *server.Options) { o.Users[1].Password = "other" }, fine},
		{"max_payload", func(o *server.Options) { o.MaxPayload = 64 }, func(o *server.Options) { o.MaxPayload = 1 << 20 }},
	}
	for _, cause := range causes {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			ns := eventstest.NewServer(t, eventstest.WithConfigure(denied(nil, nil)))
			r := newRigOn(t, storetest.Redis(t), ns)
			url := strings.Replace(ns.URL(), "://", "://u:p@", 1)
			running := r.serve(url, r.redis.URL())
			r.confirms(running, "before")
			ns.Reload(cause.said)
			late := r.serve(url, r.redis.URL())
			r.commits(running, "refused")
			r.commits(late, "refused at the start")
			r.alive(running, "refused")
			ns.Reload(cause.fine)
			r.confirms(running, "fine again")
			r.confirms(late, "fine at last")
		})
	}
}

// commits waits until a revocation is committed and the token of it refused, whatever NATS
// says.
func (r *rig) commits(s *service, when string) {
	r.t.Helper()
	bearer := r.login("alice").Token
	eventstest.Await(r.t, when+": a revocation committed", func() bool {
		r.alive(s, when)
		_, err := s.publisher.Revoke(r.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}, revocast.WithStrength(revocast.Committed))
		return err == nil
	})
	eventstest.Await(r.t, when+": the token refused", func() bool {
		r.alive(s, when)
		_, verdict := s.guard.Check(r.t.Context(), bearer)
		return verdict.Outcome == revocast.Revoked
	})
}

// TestWhatRedisSaysEndsNoService: nothing can be answered without it, so the service is not
// ready, and ready when Redis is fine.
func TestWhatRedisSaysEndsNoService(t *testing.T) {
	user := func(r *rig, rules ...any) {
		r.must(r.redis.Client().Do(r.t.Context(), append([]any{"ACL", "SETUSER", "w"}, rules...)...).Err())
	}
	causes := []struct {
		name string
		said func(*rig) (fine func())
	}{
		{"another password", func(r *rig) func() {
			user(r, "resetpass", ">other")
			return func() { user(r, ">p") }
		}},
		{"a right too few", func(r *rig) func() {
			user(r, "-@all")
			return func() { user(r, "+@all") }
		}},
		{"INFO hidden", func(r *rig) func() {
			user(r, "-info")
			return func() { user(r, "+info") }
		}},
		{"full", func(r *rig) func() {
			admin := r.redis.Client()
			r.must(admin.ConfigSet(r.t.Context(), "maxclients", "20").Err())
			var held []net.Conn
			for range 20 {
				c, err := net.Dial("tcp", r.redis.Addr())
				r.must(err)
				r.t.Cleanup(func() { _ = c.Close() })
				held = append(held, c)
			}
			return func() {
				for _, c := range held {
					_ = c.Close()
				}
			}
		}},
	}
	for _, cause := range causes {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			user(r, "on", ">p", "~*", "&*", "+@all")
			fine := cause.said(r)
			s := r.serve(r.nats.URL(), strings.Replace(r.redis.URL(), "://", "://w:p@", 1))
			eventstest.Await(t, "a failed renewal", func() bool { r.alive(s, "refused"); return s.sub.Status().RenewFailures > 2 })
			if s.sub.Status().Ready || s.publisher.Ready().Err() == nil {
				t.Error("ready without Redis")
			}
			fine()
			r.confirms(s, "fine again")
		})
	}
}

// TestSilentWorkerIsNamed: a worker whose acknowledgements are refused slows every
// revocation down and fails none, so it has to be seen.
func TestSilentWorkerIsNamed(t *testing.T) {
	t.Parallel()
	ns := eventstest.NewServer(t, eventstest.WithConfigure(denied(nil, nil)))
	r := newRigOn(t, storetest.Redis(t), ns)
	s := r.serve(strings.Replace(ns.URL(), "://", "://u:p@", 1), r.redis.URL())
	answers := func(want revocast.Answering, silent int) func() bool {
		return func() bool {
			r.alive(s, "silent")
			_, err := s.publisher.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
			r.must(err)
			status, err := s.publisher.Status(t.Context())
			return err == nil && len(status.Answering) == 1 && status.Answering[0] == want && status.Publisher.Silent == silent &&
				(s.sub.Status().Unacknowledged == "") == (want == revocast.AnswersBus)
		}
	}
	eventstest.Await(t, "the worker to answer on the bus", answers(revocast.AnswersBus, 0))
	ns.Reload(denied(nil, []string{"rv.test.ack.*"}))
	eventstest.Await(t, "the worker to be seen as silent", answers(revocast.AnswersRenewal, 1))
	ns.Reload(denied(nil, nil))
	eventstest.Await(t, "the worker to answer on the bus again", answers(revocast.AnswersBus, 0))
}
