package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/store"
)

const (
	realmName  = "authserver"
	issuerName = "https://auth.example"
	audience   = "https://auth.example/account" // of its access tokens: this service
	numWorkers = 2
	startLimit = time.Minute // for everything to become ready
)

// Output is where the service writes.
type Output struct {
	Logger *slog.Logger
	// Print gets what people should read: the addresses, and the mails that a real service would
	// send.
	Print func(format string, a ...any)
	// Ready, if not nil, is called once everything answers.
	Ready func(login string, workers []string)
}

// serve runs the login service, its workers and, unless others are given, the servers
// below them, until ctx ends.
func serve(ctx context.Context, f Flags, out Output) error {
	if f.AdminToken == "" {
		f.AdminToken = newAdminToken()
	}
	if err := os.MkdirAll(f.Data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	ports, err := listen(ctx, f)
	if err != nil {
		return err
	}
	defer closeAll(ports)
	servers, err := newServers(f, out.Logger)
	if err != nil {
		return err
	}
	return servers.under(ctx, func(ctx context.Context) error { return above(ctx, f, out, ports, servers) })
}

// part is what runs beside the login service's server until its context ends.
type part func(context.Context) error

// Run implements [realm.Part].
func (p part) Run(ctx context.Context) error { return p(ctx) }

// above is everything that uses the servers.
func above(ctx context.Context, f Flags, out Output, ports []net.Listener, servers *servers) error {
	if err := servers.wait(ctx); err != nil {
		return err
	}
	all := &connections{ctx: ctx, servers: servers, logger: out.Logger}
	defer all.close()
	own, err := all.open("login")
	if err != nil {
		return err
	}
	if err := initialise(ctx, own); err != nil {
		return err
	}
	rdb, err := store.NewClient(servers.redis())
	if err != nil {
		return err
	}
	defer rdb.Close()
	publisher, err := own.Publisher(publisher.Options{
		RecoverEmpty: f.Redis == "", // the embedded Redis is empty at each start
		Logger:       out.Logger,
	})
	if err != nil {
		return err
	}
	box, err := outbox.New(rdb, publisher, outbox.Options{Logger: out.Logger})
	if err != nil {
		return err
	}
	parts, err := newParts(f, rdb, box)
	if err != nil {
		return err
	}
	nodes, err := newNodes(all, own, parts, len(ports), out.Logger)
	if err != nil {
		return err
	}
	mails := newMailer(out)
	login, err := newService(f, parts, nodes[0], publisher.Publisher, mails, out.Logger)
	if err != nil {
		return err
	}
	return realm.ServeOn(ctx, ports[0], &http.Server{Handler: login.routes()},
		beside(publisher, box, mails, nodes, ports, func(ctx context.Context, ready []*port.Readiness) error {
			return announce(ctx, f, out, ports, ready)
		})...)
}

// beside are the parts that run beside the login service. They end after it, in this order, so that
// its queued mails are sent and its commits are confirmed.
func beside(publisher *realm.Publisher, box *outbox.Outbox, mails *mailer, nodes []*node, ports []net.Listener,
	announce func(context.Context, []*port.Readiness) error,
) (parts []realm.Part) {
	ready := []*port.Readiness{publisher.Readiness()}
	for i, n := range nodes {
		if i > 0 {
			parts = append(parts, part(func(ctx context.Context) error {
				return realm.ServeOn(ctx, ports[i], &http.Server{Handler: n.routes()})
			}))
		}
		parts = append(parts, part(func(ctx context.Context) error {
			if publisher.Readiness().Wait(ctx) != nil {
				return nil // told to end first
			}
			return n.subscriber.Run(ctx)
		}))
		ready = append(ready, n.subscriber.Readiness())
	}
	return append(parts, part(mails.run), box, publisher,
		part(func(ctx context.Context) error { return announce(ctx, ready) }))
}

// newNodes makes the login service's own node and those of the workers, each with connections of its
// own, as if it were on another machine.
func newNodes(all *connections, own *realm.Realm, p *parts, n int, logger *slog.Logger) (nodes []*node, err error) {
	for i := range n {
		at := own
		if i > 0 {
			if at, err = all.open(nodeName(i)); err != nil {
				return nil, err
			}
		}
		n, err := newNode(nodeName(i), at, p, logger)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func nodeName(i int) string {
	if i == 0 {
		return "login"
	}
	return "worker-" + strconv.Itoa(i)
}

// announce says where everything is once it answers.
func announce(ctx context.Context, f Flags, out Output, ports []net.Listener, ready []*port.Readiness) error {
	waiting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for _, r := range ready {
		if err := r.Wait(waiting); err != nil {
			return fmt.Errorf("not ready after %s: %w", startLimit, err)
		}
	}
	var urls []string
	for _, ln := range ports {
		urls = append(urls, "http://"+ln.Addr().String())
	}
	out.Print("login service  %s\nAPI workers    %s\nadmin token    %s\nready\n", urls[0], strings.Join(urls[1:], " "),
		f.AdminToken)
	if out.Ready != nil {
		out.Ready(urls[0], urls[1:])
	}
	<-ctx.Done()
	return nil
}

// listen opens the ports, the login service's first.
func listen(ctx context.Context, f Flags) (ports []net.Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(ports)
		}
	}()
	ln, err := listenOn(ctx, "--listen", f.Listen)
	if err != nil {
		return nil, err
	}
	ports = append(ports, ln)
	host, text, err := net.SplitHostPort(f.WorkerListen)
	if err != nil {
		return ports, fmt.Errorf("--worker-listen: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return ports, fmt.Errorf("--worker-listen: %w", err)
	}
	for i := range numWorkers {
		p := port
		if p != 0 {
			p += i
		}
		ln, err := listenOn(ctx, "--worker-listen", net.JoinHostPort(host, strconv.Itoa(p)))
		if err != nil {
			return ports, err
		}
		ports = append(ports, ln)
	}
	return ports, nil
}

// listenOn names the operator's flag in its errors.
func listenOn(ctx context.Context, flag, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return ln, nil
}

func closeAll(ports []net.Listener) {
	for _, ln := range ports {
		ln.Close() // a server that has run has closed it already
	}
}
