package revocast_test

import (
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store/storetest"
)

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
