package realm

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
)

// askTimeout bounds each question at the start, and each look of the watch.
const askTimeout = 5 * time.Second

// Options say where the stores are. The zero value is a NATS and a Redis on this machine.
type Options struct {
	// NATS is nats://[user:password@]host:port or tls://…, several with commas between.
	// Default nats://127.0.0.1:4222.
	NATS string
	// Redis is redis://[user:password@]host:port/db, rediss:// for TLS, unix:///socket,
	// several hosts for a Cluster, ?master_name=NAME for Sentinels. Default
	// redis://127.0.0.1:6379/0.
	Redis string

	Connect events.ConnectOptions // beside the URL: name, credentials, certificates
	Events  events.Options
	Store   store.Options

	// Names are the realm's name secrets, from its file ([names.ReadFile]). Default: none, for a realm
	// without.
	Names *names.Secrets
	// NameKeys are for publishers alone, see [publisher.Options.NameKeys].
	NameKeys *names.Secrets

	// Class is the class of workers ([A-Za-z0-9_-]{1,64}) whose users at both stores these are, with
	// the rights of the class alone. Default: the users are a publisher's, who may do everything.
	Class string

	// Impatient makes [Open] fail where a store cannot be reached. Default: it opens all the same,
	// since a process that serves must not end because a store is away, and it works again when the
	// store is back. A Redis that would forget revocations as it is configured is an error either
	// way, unless Store.AllowUnsuited is set.
	Impatient bool

	Logger *slog.Logger // default [slog.Default]; also of Connect and Events where they have none
}

func (o *Options) fill() {
	if o.NATS == "" {
		o.NATS = nats.DefaultURL
	}
	if o.Redis == "" {
		o.Redis = "redis://127.0.0.1:6379/0"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Connect.Logger == nil {
		o.Connect.Logger = o.Logger
	}
	if o.Events.Logger == nil {
		o.Events.Logger = o.Logger
	}
	o.Connect.Class, o.Store.Class = cmp.Or(o.Connect.Class, o.Class), cmp.Or(o.Store.Class, o.Class)
	o.Connect.Patient = o.Connect.Patient || !o.Impatient
}

// Realm is the open connections to both stores of one realm. Its methods are safe for
// concurrent use.
type Realm struct {
	name   string
	ledger *store.Ledger
	conn   *nats.Conn
	bus    *events.Bus
	names  *names.Secrets
	keys   *names.Secrets // that names are sealed with
	log    *slog.Logger
}

// An Error says which of the two stores could not be opened.
type Error struct {
	Store string // "redis" or "nats"
	Err   error
}

// Error implements error.
func (e *Error) Error() string { return e.Store + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Open connects to both stores of a realm, and fails where its options make no sense, and with
// [revocast.ErrUnsuited] on a Redis that may forget what it was told. Close it when everything
// that it made has ended.
func Open(ctx context.Context, name string, o Options) (*Realm, error) {
	o.fill()
	ledger, err := store.Open(o.Redis, name, o.Store)
	if err != nil {
		return nil, &Error{"redis", err}
	}
	r := &Realm{name: name, ledger: ledger, names: o.Names, keys: o.NameKeys, log: o.Logger}
	if err := r.preflight(ctx, o); err != nil {
		ledger.Close()
		return nil, err
	}
	if r.conn, err = events.Connect(o.NATS, o.Connect); err != nil {
		ledger.Close()
		return nil, &Error{"nats", err}
	}
	if r.bus, err = events.New(r.conn, name, o.Events); err != nil {
		r.conn.Close()
		ledger.Close()
		return nil, &Error{"nats", err}
	}
	return r, nil
}

func (r *Realm) preflight(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	warnings, err := r.ledger.Preflight(ctx)
	for _, w := range warnings {
		r.log.Warn("Redis: " + string(w))
	}
	if !o.Impatient && errors.Is(err, revocast.ErrUnavailable) {
		r.log.Warn("Redis cannot be used now; going on without, and tried again", "error", err)
		return nil
	}
	return err
}

// Name returns the realm's name.
func (r *Realm) Name() string { return r.name }

// Ledger returns the durable side.
func (r *Realm) Ledger() *store.Ledger { return r.ledger }

// Bus returns the broadcast.
func (r *Realm) Bus() *events.Bus { return r.bus }

// Close ends all connections.
func (r *Realm) Close() {
	r.bus.Close()
	r.conn.SetDisconnectErrHandler(nil) // this one is meant
	r.conn.Close()
	r.ledger.Close()
}

// Prepare makes sure that the realm was made, else it fails with [revocast.ErrUninitialised], and
// that its streams are as the protocol needs them; replicas is for those that have to be made.
// A ledger that is empty while JetStream knows the realm is the publisher's to judge.
func (r *Realm) Prepare(ctx context.Context, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	terms, err := r.terms(ctx)
	if err != nil {
		return err
	}
	o := terms.StreamOptions()
	o.Replicas = replicas
	return r.bus.Prepare(ctx, o)
}

// terms are the ledger's, or those that JetStream remembers of it.
func (r *Realm) terms(ctx context.Context) (port.Terms, error) {
	d, err := r.ledger.Describe(ctx)
	if err != nil {
		return port.Terms{}, err
	}
	if d.State != port.LedgerUninitialised {
		return d.Terms, nil
	}
	record, err := r.bus.Epoch(ctx)
	if errors.Is(err, revocast.ErrNotFound) {
		return port.Terms{}, unknownRealm{}
	}
	return record.Terms, err
}

// unknownRealm is the [revocast.ErrUninitialised] of a realm that neither store knows.
type unknownRealm struct{}

func (unknownRealm) Error() string {
	return revocast.ErrUninitialised.Error() + ": neither Redis nor JetStream knows the realm"
}

func (unknownRealm) Unwrap() error { return revocast.ErrUninitialised }

// Hint is what an operator can do about it.
func (unknownRealm) Hint() string {
	return "if the realm is new, run `publisher init` with the same --nats, --redis and --realm; if it is not, " +
		"these are the wrong servers"
}
