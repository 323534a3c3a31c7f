package store

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
)

// How long a client of [NewClient] waits, unless the URL says otherwise. A context
// that ends sooner wins.
const (
	DialTimeout = time.Second // for a connection, its TLS and its login
	IOTimeout   = time.Second // for one write, and for one reply
	PoolTimeout = time.Second // for a free connection
)

// NewClient makes a client that suits a [Ledger]. Nothing is dialled yet.
//
//	redis://user:password@host:6379/0       one server
//	rediss://…                              with TLS
//	unix:///run/redis.sock                  a socket
//	redis://…@host1:6379,host2:6379         a Redis Cluster, by some of its nodes
//	redis://…@host1:26379,host2:26379/0?master_name=NAME   a primary, by its Sentinels
//
// The query takes go-redis' options, such as pool_size=32 or read_timeout=2s. The settings on which
// the ledger depends override the query: contexts are honoured, nothing is retried behind the
// ledger's back, and only primaries are asked.
//
// With rediss:// each connection's certificate is compared with the host that it goes to: nodes of
// a cluster, and servers that Sentinels name, may each have their own.
func NewClient(rawURL string) (redis.UniversalClient, error) {
	return NewClientWith(rawURL, ClientOptions{})
}

// NewClientWith is [NewClient] with settings that a URL cannot express.
func NewClientWith(rawURL string, more ClientOptions) (redis.UniversalClient, error) {
	addrs, single, master, err := splitURL(rawURL)
	if err != nil {
		return nil, fmt.Errorf("%w: redis URL: %w", revocast.ErrInvalid, err)
	}
	o, err := redis.ParseURL(single)
	if err != nil {
		return nil, fmt.Errorf("%w: redis URL: %w", revocast.ErrInvalid, redact(err))
	}
	tune(o)
	if more.TLS != nil && o.TLSConfig == nil {
		return nil, fmt.Errorf("%w: redis URL: certificates are given and the URL asks for no TLS: want rediss://",
			revocast.ErrInvalid)
	}
	if master == "" && more.SentinelUser+more.SentinelPassword != "" {
		return nil, fmt.Errorf("%w: redis URL: a Sentinel's user is given and the URL names no Sentinels: want "+
			"?master_name=NAME", revocast.ErrInvalid)
	}
	if o.TLSConfig != nil {
		o.TLSConfig.ServerName = "" // the first host's, which the others are not
		o.Dialer = more.dialer(o.TLSConfig, o.DialTimeout)
	}
	if len(addrs) == 0 {
		return redis.NewClient(o), nil
	}
	u := universal(o, addrs, master)
	u.SentinelUsername, u.SentinelPassword = more.SentinelUser, more.SentinelPassword
	return redis.NewUniversalClient(u), nil
}

// splitURL takes out of the URL the list of hosts, which no standard URL has, and the Sentinels'
// name for the primary, which go-redis does not accept here. No addrs: one server.
func splitURL(raw string) (addrs []string, single, master string, err error) {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found || scheme != "redis" && scheme != "rediss" && scheme != "unix" {
		return nil, "", "", errors.New("want redis://, rediss:// or unix://")
	}
	if scheme == "unix" {
		return nil, raw, "", nil
	}
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, "", "", errors.New("the part after ? is malformed")
	}
	master = values.Get("master_name")
	values.Del("master_name")

	at := strings.LastIndex(rest, "@") + 1
	hosts, path, _ := strings.Cut(rest[at:], "/")
	list := strings.Split(hosts, ",")
	if len(list) > 1 || master != "" {
		addrs = list
	}
	single = scheme + "://" + rest[:at] + list[0] + "/" + path
	if len(values) > 0 {
		single += "?" + values.Encode()
	}
	return addrs, single, master, nil
}

// redact keeps a password out of the error: package url quotes the whole URL.
func redact(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	// A "/", "?" or "#" in a password ends the part that holds it, and what stands before is
	// then called an invalid port, or host: the password again.
	return errors.New("it cannot be read: a / ? # @ : or % in a user name or password is written %2F %3F %23 %40 " +
		"%3A %25, and the port is a number")
}

func tune(o *redis.Options) {
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DisableIdentity = true
	if o.Protocol == 0 {
		o.Protocol = 2
	}
	o.DialTimeout = orElse(o.DialTimeout, DialTimeout)
	o.ReadTimeout = orElse(o.ReadTimeout, IOTimeout)
	o.WriteTimeout = orElse(o.WriteTimeout, IOTimeout)
	o.PoolTimeout = orElse(o.PoolTimeout, PoolTimeout)
}

func universal(o *redis.Options, addrs []string, master string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: addrs, MasterName: master, DB: o.DB, Username: o.Username, Password: o.Password,
		TLSConfig: o.TLSConfig, Dialer: o.Dialer, Protocol: o.Protocol, ContextTimeoutEnabled: true, MaxRetries: -1,
		DialerRetries: o.DialerRetries, DisableIdentity: true, DialTimeout: o.DialTimeout,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout,
		PoolSize: o.PoolSize, MinIdleConns: o.MinIdleConns, MaxIdleConns: o.MaxIdleConns,
		MaxActiveConns: o.MaxActiveConns, ConnMaxIdleTime: o.ConnMaxIdleTime,
		ConnMaxLifetime: o.ConnMaxLifetime, ClientName: o.ClientName,
	}
}

func orElse(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

func closeAll(clients []redis.UniversalClient) error {
	var errs []error
	for _, c := range clients {
		if err := c.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
