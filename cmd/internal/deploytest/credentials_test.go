package deploytest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/cmd/internal/credentials"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

func written(t *testing.T, write func(*strings.Builder) error) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCredentialsAreThoseOfDeploy: `publisher credentials` gives the rights that deploy/ gives.
func TestCredentialsAreThoseOfDeploy(t *testing.T) {
	set := option.Must(credentials.Make("default", []string{"default"}))
	accounts := written(t, func(b *strings.Builder) error { return set.NATS(b) })
	bare := func(text string) string {
		text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
		text = regexp.MustCompile(`nkey: \S+|user: \S+\s+password: \S+`).ReplaceAllString(text, "WHO")
		return strings.Join(strings.Fields(text), " ")
	}
	conf := string(option.Must(os.ReadFile(folder + "nats.conf")))
	begin, end := strings.Index(conf, "\naccounts {"), strings.Index(conf, "\nsystem_account")
	if got, want := bare(accounts), bare(conf[begin:end]); got != want {
		t.Errorf("at NATS:\n%s\nwant\n%s", got, want)
	}
	users := written(t, func(b *strings.Builder) error { return set.Redis(b) })
	for _, user := range []string{"publisher", "worker"} {
		if rights := userLine(t, user); !strings.Contains(users, rights+"\n") && !strings.HasSuffix(users, rights) {
			t.Errorf("at Redis %s may not\n%s\nas it may in deploy/:\n%s", user, rights, users)
		}
	}
}

// TestCredentials: with what `publisher credentials` makes, a publisher and the workers of two classes
// do all that they must in a realm of another name.
func TestCredentials(t *testing.T) {
	set := option.Must(credentials.Make("shop-1", []string{"web", "api_2"}))
	accounts := written(t, func(b *strings.Builder) error { return set.NATS(b) })
	n := natsServerWith(t, func(conf string) string {
		begin, end := strings.Index(conf, "\naccounts {"), strings.Index(conf, "system_account")
		return conf[:begin] + "\n" + accounts + conf[end:]
	})
	args := []string{"--user", "default", "off", "~*", "&*", "+@all"}
	lines := written(t, func(b *strings.Builder) error { return set.Redis(b) })
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		args = append(args, strings.Fields("--"+line)...)
	}
	r := storetest.Redis(t, args...)
	open := func(class, user string, u credentials.User) side {
		seed := filepath.Join(t.TempDir(), "seed")
		if err := os.WriteFile(seed, []byte(u.Seed+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		nc := option.Must(events.Connect(n.URL(), events.ConnectOptions{Class: class, Credentials: seed}))
		t.Cleanup(nc.Close)
		bus := option.Must(events.New(nc, "shop-1", events.Options{}))
		t.Cleanup(func() { bus.Close() })
		ledger := option.Must(store.Open(withUser(t, r.URL(), user, u.Password), "shop-1", store.Options{Class: class}))
		t.Cleanup(func() { ledger.Close() })
		return side{ledger: ledger, bus: bus}
	}
	pub := open("", "publisher", set.Publisher)
	if _, err := publisher.Init(within(t), pub.ledger, pub.bus, port.DefaultTerms()); err != nil {
		t.Fatal(err)
	}
	p := option.Must(publisher.New(pub.ledger, pub.bus, publisher.Options{Classes: []string{"web", "api_2"}}))
	inBackground(t, p.Run)
	ready := []*port.Readiness{p.Readiness()}
	for _, class := range set.Classes {
		at := open(class.Name, "worker-"+class.Name, class.User)
		s := option.Must(worker.NewSubscriber(at.ledger, at.bus, option.Must(cache.New(cache.Options{})),
			worker.SubscriberOptions{Worker: "w"}))
		inBackground(t, s.Run)
		ready = append(ready, s.Readiness())
	}
	for _, r := range ready {
		if err := r.Wait(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	eventstest.Await(t, "both workers to answer on the bus", func() bool {
		receipt, err := p.Revoke(within(t), revocast.Revocation{
			Scope: revocast.ScopeSession, ID: "s", Issuer: "https://issuer.example",
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Fleet(within(t))
		return err == nil && receipt.Workers == (revocast.Tally{Live: 2, Confirmed: 2}) && len(s.Answering) == 2 &&
			s.Answering[0] == publisher.AnswersBus && s.Answering[1] == publisher.AnswersBus
	})
}
