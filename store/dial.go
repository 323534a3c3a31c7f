package store

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// ClientOptions are what a URL of [NewClient] does not say. The zero value works.
type ClientOptions struct {
	// TLS is asked for the configuration of each new connection, so that certificates
	// renewed meanwhile count. Its ServerName is ignored: each server, Sentinel and node of a
	// cluster must have a certificate for the host that it is dialled by. It is called from
	// several goroutines, and only for rediss:// URLs. Default: the system's roots.
	TLS func() (*tls.Config, error)

	// SentinelUser and SentinelPassword log in at the Sentinels, which have users of their
	// own. Default: nobody logs in there.
	SentinelUser, SentinelPassword string
}

// keepAlive is how often an idle connection is probed.
const keepAlive = 15 * time.Second

// dialer dials TLS. base is what the URL says about it.
func (o ClientOptions) dialer(base *tls.Config, timeout time.Duration) func(context.Context, string,
	string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: timeout, KeepAlive: keepAlive}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		config, err := o.config(base, addr)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return (&tls.Dialer{NetDialer: plain, Config: config}).DialContext(ctx, network, addr)
	}
}

// config is the TLS configuration for a connection to addr. The certificate must name its host.
func (o ClientOptions) config(base *tls.Config, addr string) (*tls.Config, error) {
	config := base.Clone()
	if o.TLS != nil {
		given, err := o.TLS()
		if err != nil {
			return nil, err
		}
		config = given.Clone()
		config.InsecureSkipVerify = config.InsecureSkipVerify || base.InsecureSkipVerify // ?skip_verify=true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	config.ServerName = host
	return config, nil
}
