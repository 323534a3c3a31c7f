package publisher_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store/storetest"
)

// denied is the configuration of a server whose user u lacks rights.
func denied(subscribe, publish []string) string { return letsIn("p", subscribe, publish) }

func letsIn(password string, subscribe, publish []string) string {
	list := func(subjects []string) string {
		quoted := make([]string, len(subjects))
		for i, s := range subjects {
			quoted[i] = strconv.Quote(s)
		}
		return strings.Join(quoted, ", ")
	}
	return fmt.Sprintf(`no_auth_user: admin
authorization { users: [
  { user: admin, password: a }
  { user: u, password: %s, permissions: { subscribe: { deny: [ %s ] }, publish: { deny: [ %s ] } } }
] }
`, password, list(subscribe), list(publish))
}

// TestWhatNATSSaysEndsNoService: the worker serves from the ledger, the publisher commits,
// and when NATS is fine again all is as before. Each cause comes twice: while the service
// runs, and before its start.
func TestWhatNATSSaysEndsNoService(t *testing.T) {
	causes := []struct {
		name string
		said string
	}{
		{"events may not be heard", denied([]string{"rv.test.ev.*"}, nil)},
		{"acknowledgements may not be heard", denied([]string{"rv.test.ack.>"}, nil)},
		{"acknowledgements may not be sent", denied(nil, []string{"rv.test.ack.>"})},
		{"nothing may be heard", denied([]string{">"}, nil)},
		{"nothing may be sent", denied(nil, []string{">"})},
		{"JetStream may not be asked", denied(nil, []string{"$JS.>"})},
		{"another password", letsIn("other", nil, nil)},
		{"max_payload", denied(nil, nil) + "max_payload: 64"},
	}
	for _, cause := range causes {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			ns := eventstest.NewServer(t, eventstest.WithConfig(denied(nil, nil)))
			r := fleettest.NewRigOn(t, storetest.Redis(t), ns)
			url := strings.Replace(ns.URL(), "://", "://u:p@", 1)
			running := r.Serve(url, r.Redis.URL())
			r.Confirms(running, "before")
			ns.Reload(cause.said)
			late := r.Serve(url, r.Redis.URL())
			r.Commits(running, "refused")
			r.Commits(late, "refused at the start")
			r.Alive(running, "refused")
			ns.Reload(denied(nil, nil))
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
			eventstest.Await(t, "a failed renewal",
				func() bool { r.Alive(s, "refused"); return s.Sub.Stats().RenewFailures > 2 })
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
	ns := eventstest.NewServer(t, eventstest.WithConfig(denied(nil, nil)))
	r := fleettest.NewRigOn(t, storetest.Redis(t), ns)
	s := r.Serve(strings.Replace(ns.URL(), "://", "://u:p@", 1), r.Redis.URL())
	answers := func(want publisher.Answering, silent int) func() bool {
		return func() bool {
			r.Alive(s, "silent")
			_, err := s.Publisher.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
			r.Must(err)
			status, err := s.Publisher.Fleet(t.Context())
			return err == nil && len(status.Answering) == 1 && status.Answering[0] == want &&
				status.Publisher.Silent == silent &&
				(s.Sub.Status().Unacknowledged == "") == (want == publisher.AnswersBus)
		}
	}
	eventstest.Await(t, "the worker to answer on the bus", answers(publisher.AnswersBus, 0))
	ns.Reload(denied(nil, []string{"rv.test.ack.>"}))
	eventstest.Await(t, "the worker to be seen as silent", answers(publisher.AnswersRenewal, 1))
	ns.Reload(denied(nil, nil))
	eventstest.Await(t, "the worker to answer on the bus again", answers(publisher.AnswersBus, 0))
}
