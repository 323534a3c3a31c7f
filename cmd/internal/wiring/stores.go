package wiring

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/store"
)

// StoreFlags say where NATS and Redis are and which realm is meant.
type StoreFlags struct {
	NATS       string `name:"nats" default:"nats://127.0.0.1:4222" placeholder:"URL" group:"Stores" help:"NATS: nats://[user:password@]host:port or tls://…, several with commas between. Default: ${default}."`
	NATSCreds  string `name:"nats-creds" type:"path" placeholder:"FILE" group:"Stores" help:"NATS credentials file (.creds, or the seed of an nkey), in place of a password in the URL."`
	NATSCA     string `name:"nats-ca" type:"path" placeholder:"FILE" group:"Stores" help:"Authorities in PEM that sign the NATS servers' certificates. Default: the system's."`
	NATSCert   string `name:"nats-cert" type:"path" placeholder:"FILE" group:"Stores" help:"Client certificate in PEM for NATS."`
	NATSKey    string `name:"nats-key" type:"path" placeholder:"FILE" group:"Stores" help:"Private key in PEM for --nats-cert."`
	NATSDomain string `name:"nats-domain" placeholder:"NAME" group:"Stores" help:"JetStream domain, if the server is a leaf node of one."`

	Redis            string `default:"redis://127.0.0.1:6379/0" placeholder:"URL" group:"Stores" help:"Redis: redis://[user:password@]host:port/db, rediss:// for TLS, unix:///socket, several hosts for a Cluster, ?master_name=NAME for Sentinels. Default: ${default}."`
	RedisCA          string `name:"redis-ca" type:"path" placeholder:"FILE" group:"Stores" help:"Authorities in PEM that sign the certificates of Redis and its Sentinels, for rediss://. Default: the system's."`
	RedisCert        string `name:"redis-cert" type:"path" placeholder:"FILE" group:"Stores" help:"Client certificate in PEM for Redis."`
	RedisKey         string `name:"redis-key" type:"path" placeholder:"FILE" group:"Stores" help:"Private key in PEM for --redis-cert."`
	SentinelUser     string `name:"sentinel-user" placeholder:"NAME" group:"Stores" help:"User at the Sentinels, which have their own users. Default: none."`
	SentinelPassword string `name:"sentinel-password" placeholder:"PASSWORD" group:"Stores" help:"Password at the Sentinels. Use the environment variable: every user of the machine can read the command line. Default: none."`

	Realm string `default:"default" placeholder:"NAME" group:"Stores" help:"Realm: one history with its own stream and keys; 1 to 64 of A-Z a-z 0-9 _ -. Default: ${default}."`

	AllowUnsuited bool `group:"Stores" help:"Only warn if Redis may forget revocations (evicting, no persistence, too old) or hides whether it does."`
}

// OpenOptions tune [StoreFlags.Open].
type OpenOptions struct {
	Name   string // what NATS shows this process as
	Logger *slog.Logger
	// Patient opens even while a store cannot be reached or refuses. A worker that starts during
	// an outage of NATS still answers by asking Redis, and a worker that must wait for Redis
	// serves once Redis is there. Wrong flags are still an error, and so is a Redis that is
	// configured so that it would forget revocations.
	Patient bool
	// Names are the realm's name secrets.
	Names *names.Secrets
	// NameKeys are what a publisher seals names with.
	NameKeys *names.Secrets
	// Class is the class of the workers whose user this is, with fewer rights. Empty: a publisher's.
	Class string
	// Lenient only warns about a Redis that may forget: for commands that look, and for
	// those that mend it.
	Lenient bool
}

// redisLog receives what the Redis client would print on standard error. Its level is lower than
// that of our own errors, because the caller of each failed call reports it.
type redisLog struct{ log *slog.Logger }

// Printf implements the client's logger.
func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log != nil {
		l.log.DebugContext(ctx, fmt.Sprintf(format, v...), "from", "redis client")
	}
}

// Open connects to both stores and refuses a Redis that may forget what is written to it.
func (f *StoreFlags) Open(ctx context.Context, o OpenOptions) (*realm.Realm, error) {
	redis.SetLogger(redisLog{o.Logger})
	client, err := f.redisClient(o.Logger)
	if err != nil {
		return nil, err
	}
	connect, err := f.connect(o)
	if err != nil {
		return nil, err
	}
	r, err := realm.Open(ctx, f.Realm, realm.Options{
		NATS: f.NATS, Redis: f.Redis, Connect: connect, Events: events.Options{Domain: f.NATSDomain},
		Store: store.Options{AllowUnsuited: f.AllowUnsuited || o.Lenient, Client: client},
		Class: o.Class, Names: o.Names, NameKeys: o.NameKeys,
		Impatient: !o.Patient, Logger: o.Logger,
	})
	var which *realm.Error
	if errors.As(err, &which) {
		return nil, fmt.Errorf("--%s: %w", which.Store, which.Err)
	}
	return r, err
}

// redisClient is how Redis and its Sentinels are connected to.
func (f *StoreFlags) redisClient(logger *slog.Logger) (store.ClientOptions, error) {
	o := store.ClientOptions{SentinelUser: f.SentinelUser, SentinelPassword: f.SentinelPassword}
	files, err := clientTLS(logger, "redis-", f.RedisCA, f.RedisCert, f.RedisKey)
	if err == nil && files != nil {
		o.TLS = func() (*tls.Config, error) { return files.config(), nil }
	}
	return o, err
}

// OpenBus connects to NATS alone.
func (f *StoreFlags) OpenBus(o OpenOptions) (*nats.Conn, *events.Bus, error) {
	connect, err := f.connect(o)
	if err != nil {
		return nil, nil, err
	}
	conn, err := events.Connect(f.NATS, connect)
	if err != nil {
		return nil, nil, err
	}
	bus, err := events.New(conn, f.Realm, events.Options{Logger: o.Logger, Domain: f.NATSDomain})
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, bus, nil
}

// connect is how NATS is connected to.
func (f *StoreFlags) connect(o OpenOptions) (events.ConnectOptions, error) {
	files, err := clientTLS(o.Logger, "nats-", f.NATSCA, f.NATSCert, f.NATSKey)
	if err != nil {
		return events.ConnectOptions{}, err
	}
	co := events.ConnectOptions{Name: o.Name, Credentials: f.NATSCreds, Logger: o.Logger, Patient: o.Patient}
	if files != nil && files.roots != nil {
		co.Roots = func() (*x509.CertPool, error) { return files.roots.get(), nil }
	}
	if files != nil && files.pair != nil {
		co.Certificate = func() (tls.Certificate, error) { return *files.pair.get(), nil }
	}
	return co, nil
}
