package publisher_test

import (
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/publisher"
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
			r := fleettest.NewRigOn(t, storetest.Redis(t), ns)
			url := strings.Replace(ns.URL(), "://", "://u:p@", 1)
			running := r.Serve(url, r.Redis.URL())
			r.Confirms(running, "before")
			ns.Reload(cause.said)
			late := r.Serve(url, r.Redis.URL())
			r.Commits(running, "refused")
			r.Commits(late, "refused at the start")
			r.Alive(running, "refused")
			ns.Reload(cause.fine)
			r.Confirms(running, "fine again")
			r.Confirms(late, "fine at last")
		})
	}
}

// TestWhatRedisSaysEndsNoService: nothing can be answered without it, so the service is not
// ready, and ready when Redis is fine.
func TestWhatRedisSaysEndsNoService(t *testing.T) {
	user := func(r *fleettest.Rig, rules ...any) {
		r.Must(r.Redis.Client().Do(r.T.Context(), append([]any{"ACL", "SETUSER", "w"}, rules...)...).Err())
	}
	causes := []struct {
		name string
		said func(*fleettest.Rig) (fine func())
	}{
		{"another password", func(r *fleettest.Rig) func() {
			user(r, "resetpass", ">other")
			return func() { user(r, ">p") }
		}},
		{"a right too few", func(r *fleettest.Rig) func() {
			user(r, "-@all")
			return func() { user(r, "+@all") }
		}},
		{"INFO hidden", func(r *fleettest.Rig) func() {
			user(r, "-info")
			return func() { user(r, "+info") }
		}},
		{"full", func(r *fleettest.Rig) func() {
			admin := r.Redis.Client()
			r.Must(admin.ConfigSet(r.T.Context(), "maxclients", "20").Err())
			var held []net.Conn
			for range 20 {
				c, err := net.Dial("tcp", r.Redis.Addr())
				r.Must(err)
				r.T.Cleanup(func() { _ = c.Close() })
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
			r := fleettest.NewRig(t)
			user(r, "on", ">p", "~*", "&*", "+@all")
			fine := cause.said(r)
			s := r.Serve(r.Nats.URL(), strings.Replace(r.Redis.URL(), "://", "://w:p@", 1))
			eventstest.Await(t, "a failed renewal", func() bool { r.Alive(s, "refused"); return s.Sub.Stats().RenewFailures > 2 })
			if s.Sub.Status().Ready || s.Publisher.Ready() == nil {
				t.Error("ready without Redis")
			}
			fine()
			r.Confirms(s, "fine again")
		})
	}
}

// TestSilentWorkerIsNamed: a worker whose acknowledgements are refused slows every
// revocation down and fails none, so it has to be seen.
func TestSilentWorkerIsNamed(t *testing.T) {
	t.Parallel()
	ns := eventstest.NewServer(t, eventstest.WithConfigure(denied(nil, nil)))
	r := fleettest.NewRigOn(t, storetest.Redis(t), ns)
	s := r.Serve(strings.Replace(ns.URL(), "://", "://u:p@", 1), r.Redis.URL())
	answers := func(want publisher.Answering, silent int) func() bool {
		return func() bool {
			r.Alive(s, "silent")
			_, err := s.Publisher.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
			r.Must(err)
			status, err := s.Publisher.Fleet(t.Context())
			return err == nil && len(status.Answering) == 1 && status.Answering[0] == want && status.Publisher.Silent == silent &&
				(s.Sub.Status().Unacknowledged == "") == (want == publisher.AnswersBus)
		}
	}
	eventstest.Await(t, "the worker to answer on the bus", answers(publisher.AnswersBus, 0))
	ns.Reload(denied(nil, []string{"rv.test.ack.*"}))
	eventstest.Await(t, "the worker to be seen as silent", answers(publisher.AnswersRenewal, 1))
	ns.Reload(denied(nil, nil))
	eventstest.Await(t, "the worker to answer on the bus again", answers(publisher.AnswersBus, 0))
}
