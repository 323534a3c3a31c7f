package dev

import (
	"context"
	"net"

	"github.com/revocast/revocast/cmd/internal/wiring"
)

// ports are the listeners, open before anything else.
type ports struct {
	api     net.Listener
	workers []net.Listener
}

func listen(ctx context.Context, o Options) (*ports, error) {
	api, err := wiring.Listen(ctx, "--listen", o.Listen)
	if err != nil {
		return nil, err
	}
	p := &ports{api: api}
	for n := range o.Workers {
		addr, err := workerAddr(o.WorkerListen, n)
		if err == nil {
			var ln net.Listener
			if ln, err = wiring.Listen(ctx, "--worker-listen", addr); err == nil {
				p.workers = append(p.workers, ln)
				continue
			}
		}
		p.close()
		return nil, err
	}
	return p, nil
}

// close is harmless to a listener that a server has closed already.
func (p *ports) close() {
	for _, ln := range append([]net.Listener{p.api}, p.workers...) {
		ln.Close()
	}
}
