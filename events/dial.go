package events

import (
	"context"
	"math/rand/v2"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

// dialer looks a name up and connects, both within one limit. The client library sets no limit to
// the look-up, and holds the connection's lock meanwhile. With a mute name server a process would
// wait for it at its start, at its end, and when the connection is lost.
type dialer struct {
	timeout time.Duration
	ordered bool // the addresses are taken as they come
	net     net.Dialer
}

// bounded makes the library connect through a dialer, unless the caller brings another one.
func bounded(n *nats.Options) error {
	if n.CustomDialer != nil || n.Dialer != nil || n.InProcessServer != nil {
		return nil
	}
	d := &dialer{timeout: n.Timeout, ordered: n.NoRandomize}
	if n.AllowMultipathTCP != nil {
		d.net.SetMultipathTCP(*n.AllowMultipathTCP)
	}
	n.CustomDialer, n.SkipHostLookup = d, true
	return nil
}

// Dial tries every address of a name, and gives each an equal part of the time that is left.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	deadline := time.Now().Add(d.timeout)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	if !d.ordered {
		rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	}
	var conn net.Conn
	for i, addr := range addrs {
		one := d.net
		one.Timeout = time.Until(deadline) / time.Duration(len(addrs)-i)
		if conn, err = one.DialContext(ctx, network, net.JoinHostPort(addr, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}
