package deploytest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// secondClass is nats.conf with one more class of workers, made as the comment there says. Its
// user is worker-<class>, with the worker's password.
func secondClass(t *testing.T, conf, class string) string {
	t.Helper()
	begin := strings.Index(conf, "\n  WORKERS_default {")
	end := strings.Index(conf, "\n  SYS {")
	const imported = "{ stream: { account: WORKERS_default, subject: \"rv.default.ack.default.*\" } }"
	if begin < 0 || end < begin || !strings.Contains(conf, imported) {
		t.Fatal("nats.conf has no account WORKERS_default, or does not import what it acknowledges")
	}
	naming := strings.NewReplacer("WORKERS_default", "WORKERS_"+class, "ack.default.", "ack."+class+".",
		"_INBOX_default", "_INBOX_"+class, "user: worker", "user: worker-"+class)
	account := naming.Replace(conf[begin:end])
	conf = conf[:end] + account + conf[end:]
	conf = strings.ReplaceAll(conf, "accounts: [ WORKERS_default ]", "accounts: [ WORKERS_default, WORKERS_"+class+" ]")
	return strings.Replace(conf, imported, imported+"\n      "+naming.Replace(imported), 1)
}

// realmStreams are the streams of the realm.
var realmStreams = []string{"RV_default", "RVEPOCH_default", "RVSNAP_default"}

// held is a realm on real servers with the files of deploy/, a publisher, and a worker of the class
// default.
type held struct {
	t         *testing.T
	nats      *eventstest.Server
	pub, work side
	publisher *publisher.Publisher
	js        jetstream.JetStream // of the publisher's user
	before    map[string]*jetstream.StreamInfo
	record    port.EpochRecord
	revoked   uint64 // since before
	all       int
}

func newHeld(t *testing.T) *held {
	h := &held{t: t, nats: natsServerWith(t, func(conf string) string { return secondClass(t, conf, "web") })}
	r := redisServer(t)
	h.pub = connect(t, h.nats, r, "publisher", publisherPassword)
	h.work = connect(t, h.nats, r, "worker", workerPassword)
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://issuer.example"
	if _, err := publisher.Init(within(t), h.pub.ledger, h.pub.bus, terms); err != nil {
		t.Fatal(err)
	}
	if err := h.pub.bus.SaveSnapshot(within(t), revocast.Position{Epoch: 1}, eventstest.States(3)); err != nil {
		t.Fatal(err)
	}
	h.publisher = option.Must(publisher.New(h.pub.ledger, h.pub.bus, publisher.Options{SnapshotEvery: time.Hour}))
	inBackground(t, h.publisher.Run)
	victim := option.Must(worker.NewSubscriber(h.work.ledger, h.work.bus, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{Worker: "victim"}))
	inBackground(t, victim.Run)
	for _, ready := range []*port.Readiness{h.publisher.Readiness(), victim.Readiness()} {
		if err := ready.Wait(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	h.js = option.Must(jetstream.New(h.login("publisher", publisherPassword)))
	h.confirms()
	h.note()
	return h
}

func (h *held) login(user, password string) *nats.Conn {
	h.t.Helper()
	nc, err := nats.Connect(withUser(h.t, h.nats.URL(), user, password),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(nc.Close)
	return nc
}

// note remembers the streams as they stand.
func (h *held) note() {
	h.t.Helper()
	h.before = map[string]*jetstream.StreamInfo{}
	for _, name := range realmStreams {
		stream, err := h.js.Stream(within(h.t), name)
		if err != nil {
			h.t.Fatal(err)
		}
		h.before[name] = stream.CachedInfo()
	}
	record, err := h.pub.bus.Epoch(within(h.t))
	if err != nil {
		h.t.Fatal(err)
	}
	h.record, h.revoked = record, 0
}

// confirms makes a revocation that the worker confirms on the bus.
func (h *held) confirms() {
	h.t.Helper()
	h.revoked, h.all = h.revoked+1, h.all+1
	receipt, err := h.publisher.Revoke(within(h.t), revocast.Revocation{
		Scope: revocast.ScopeSession, ID: fmt.Sprint("s", h.all),
	})
	if err != nil || receipt.Workers != (revocast.Tally{Live: 1, Confirmed: 1}) || receipt.Took > time.Second {
		h.t.Errorf("receipt %+v, %v; want one worker that confirmed within a second", receipt, err)
	}
}

// unharmed: the streams hold what the publisher wrote and nothing else, are configured as they
// were, and have no consumers; the record is what it was.
func (h *held) unharmed(what string) {
	h.t.Helper()
	for _, name := range realmStreams {
		is, err := h.unread(name)
		if err != nil {
			h.t.Errorf("%s: stream %s: %v", what, name, err)
			continue
		}
		was := h.before[name]
		want := was.State.LastSeq
		if name == "RV_default" {
			want += h.revoked
		}
		if !is.Created.Equal(was.Created) || is.State.LastSeq != want || is.State.FirstSeq != was.State.FirstSeq ||
			is.State.NumDeleted != was.State.NumDeleted || is.State.Consumers != 0 ||
			fmt.Sprintf("%+v", is.Config) != fmt.Sprintf("%+v", was.Config) {
			h.t.Errorf("%s: stream %s was %+v, is %+v", what, name, was.State, is.State)
		}
	}
	record, err := h.pub.bus.Epoch(within(h.t))
	if err != nil || record != h.record {
		h.t.Errorf("%s: the record is %+v, %v; it was %+v", what, record, err, h.record)
	}
	if _, _, err := eventstest.Load(h.t, h.work.bus); err != nil {
		h.t.Errorf("%s: a worker loads the snapshot: %v", what, err)
	}
}

// unread is a stream that nobody reads at the moment. The publisher itself reads streams now and then,
// through a consumer that goes when it has read.
func (h *held) unread(name string) (*jetstream.StreamInfo, error) {
	ctx := within(h.t)
	for {
		stream, err := h.js.Stream(ctx, name)
		if err != nil {
			return nil, err
		}
		if info := stream.CachedInfo(); info.State.Consumers == 0 || ctx.Err() != nil {
			return info, nil
		}
	}
}

// thefts are what a user may try to send: each with each reply subject, and as the subject of a
// trace, which a server also writes to.
func thefts() (requests map[string]string, replies []string) {
	requests = map[string]string{
		"$JS.API.INFO":                                             "",
		"$JS.API.STREAM.NAMES":                                     "",
		"$JS.API.STREAM.INFO.RV_default":                           "",
		"$JS.API.STREAM.MSG.GET.RVEPOCH_default":                   `{"last_by_subj":"rv.default.epoch"}`,
		"$JS.API.CONSUMER.CREATE.RV_default.c":                     `{"stream_name":"RV_default"}`,
		"$JS.API.CONSUMER.MSG.NEXT.RV_default.c":                   `{"batch":9,"no_wait":true}`,
		"$JS.API.DIRECT.GET.RVEPOCH_default":                       `{"last_by_subj":"rv.default.epoch"}`,
		"$JS.API.DIRECT.GET.RVSNAP_default":                        `{"batch":9,"seq":1}`,
		"$JS.API.STREAM.DELETE.RV_default":                         "",
		"$JS.API.STREAM.PURGE.RVSNAP_default":                      "",
		"$JS.API.STREAM.UPDATE.RV_default":                         `{"name":"RV_default","subjects":["x"]}`,
		"$JS.API.STREAM.MSG.DELETE.RV_default":                     `{"seq":1}`,
		"$JS.ACK.RV_default.c.1.1.1.1.0":                           "+NXT",
		"rv.default.epoch":                                         `{"version":1,"realm":"default","epoch":99}`,
		"rv.default.ev.revoked":                                    "an event",
		"rv.default.snap.head":                                     "a closing",
		"rv.default.ack.default.victim":                            "an acknowledgement",
		"rv.default.ack.web.thief":                                 "an acknowledgement",
		"_INBOX_default.x":                                         "an answer",
		"$JS.API.DIRECT.GET.RV_default.rv.default.ev.revoked":      "",
		"$JS.API.DIRECT.GET.RVSNAP_default.rv.default.snap.head":   "",
		"$JS.API.DIRECT.GET.RVSNAP_default.rv.default.snap.none":   "",
		"$JS.API.DIRECT.GET.RVSNAP_default.rv.default.snap.head.x": `{"batch":9}`,
	}
	replies = []string{
		"", "rv.default.epoch", "rv.default.ev.revoked", "rv.default.snap.head", "rv.default.ack.default.victim",
		"$JS.API.STREAM.DELETE.RV_default", "$JS.API.STREAM.DELETE.RVEPOCH_default",
		"$JS.API.STREAM.PURGE.RVSNAP_default", "$JS.API.STREAM.MSG.DELETE.RV_default", "_INBOX_default.x",
		"$JS.API.DIRECT.GET.RVSNAP_default.rv.default.snap.head", "$SYS.REQ.SERVER.PING",
	}
	return requests, replies
}

// TestStolenWorker: who has the NATS password of a worker changes no stream, whatever it sends and
// wherever it has it answered, and revocations go on being confirmed. To the workers of another
// class it says nothing either, and hears nothing that is for them.
func TestStolenWorker(t *testing.T) {
	h := newHeld(t)
	for _, user := range []string{"worker-web", "worker"} {
		h.note()
		thief := h.login(user, workerPassword)
		requests, replies := thefts()
		for subject, content := range requests {
			for _, reply := range replies {
				for _, trace := range []string{"", reply} {
					m := &nats.Msg{Subject: subject, Reply: reply, Data: []byte(content)}
					if trace != "" {
						m.Header = nats.Header{"Nats-Trace-Dest": []string{trace}}
					}
					if err := thief.PublishMsg(m); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := thief.FlushTimeout(patience); err != nil || thief.IsClosed() {
			t.Fatal(err)
		}
		h.confirms() // everything before it has been handled
		h.unharmed(user)
		if user == "worker-web" {
			h.saysNothing()
			h.hearsNothing(thief)
		}
	}
}

// saysNothing: the publisher and the worker of the other class were sent nothing by the thief, but
// for what it acknowledged in its own name.
func (h *held) saysNothing() {
	h.t.Helper()
	for _, stray := range h.work.bus.Strays() {
		if stray.Count > 0 {
			h.t.Errorf("the worker of another class got %d messages: %s %s", stray.Count, stray.Source, stray.Fault)
		}
	}
	for _, stray := range h.pub.bus.Strays() {
		if stray.Count > 0 && stray.Source != "ack" {
			h.t.Errorf("the publisher got %d messages: %s %s", stray.Count, stray.Source, stray.Fault)
		}
	}
}

// hearsNothing: beside events and answers of its own it may subscribe to nothing.
func (h *held) hearsNothing(thief *nats.Conn) {
	h.t.Helper()
	for _, subject := range []string{
		"_INBOX.>", "_INBOX_default.>", "_INBOX_*.>", "rv.default.ack.>", "rv.default.epoch", "rv.default.snap.>",
		"$JS.API.>", "$JS.ACK.>", "$SYS.>", "_R_.>", ">",
	} {
		sub, err := thief.SubscribeSync(subject)
		if err != nil {
			h.t.Fatal(err)
		}
		if err := thief.FlushTimeout(patience); err != nil {
			h.t.Fatal(err)
		}
		if sub.IsValid() && !strings.Contains(fmt.Sprint(thief.LastError()), `Subscription to "`+subject+`"`) {
			h.t.Errorf("a worker may subscribe to %s", subject)
		}
		_ = sub.Unsubscribe()
	}
}

// TestAcknowledgingForAnotherClass: a member that has applied nothing is not said to have, however
// often a worker of another class acknowledges for it.
func TestAcknowledgingForAnotherClass(t *testing.T) {
	h := newHeld(t)
	ghost := port.MemberID{Class: "default", Worker: "ghost", Incarnation: "1"}
	renewed, err := h.work.ledger.Renew(within(t), port.Renewal{Member: ghost, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	thief, err := events.New(h.login("worker-web", workerPassword), "default", events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { thief.Close() })
	forge := func(ctx context.Context) error {
		for rev := renewed.Position.Rev; ; rev++ {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(5 * time.Millisecond):
			}
			for _, class := range []string{"default", "web"} {
				member := ghost
				member.Class = class
				at := revocast.Position{Epoch: renewed.Position.Epoch, Rev: renewed.Position.Rev + rev%3}
				_ = thief.Acknowledge(port.Ack{Member: member, Applied: at})
			}
		}
	}
	inBackground(t, forge)
	receipt, err := h.publisher.Revoke(within(t), revocast.Revocation{Scope: revocast.ScopeSession, ID: "of-the-ghost"})
	if err != nil || receipt.Workers != (revocast.Tally{Live: 2, Confirmed: 1, Lapsed: 1}) {
		t.Errorf("receipt %+v, %v; want one worker that confirmed and one that lapsed", receipt, err)
	}
}
