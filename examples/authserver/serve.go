package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/run"

	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/internal/unread"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

const (
	realm      = "authserver"
	issuerName = "https://auth.example"
	numWorkers = 2
	startLimit = time.Minute // for everything to become ready
)

// Output is where the service writes.
type Output struct {
	Logger *slog.Logger
	// Print gets what people should read: the addresses, and mails, which a real service
	// would send.
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
	// Actors are stopped in the order in which they are added: the servers last.
	var g run.Group
	g.Add(serving.Stopper(ctx))
	g.Add(serving.Actor(func(ctx context.Context) error { return above(ctx, f, out, ports, servers) }))
	for _, s := range servers.own {
		g.Add(serving.Actor(s))
	}
	return g.Run()
}

// above is everything that stands on the servers.
func above(ctx context.Context, f Flags, out Output, ports []net.Listener, servers *servers) error {
	if err := servers.wait(ctx); err != nil {
		return err
	}
	all := &connections{servers: servers, logger: out.Logger}
	defer all.close()
	own, err := all.open("login")
	if err != nil {
		return err
	}
	if err := initialise(ctx, own); err != nil {
		return err
	}
	publisher, err := publisher.New(own.ledger, own.bus, publisher.Options{
		RecoverEmpty: f.Redis == "", // the embedded Redis is empty at each start
		Logger:       out.Logger,
	})
	if err != nil {
		return err
	}
	box, err := outbox.New(own.redis, publisher, outbox.Options{Logger: out.Logger})
	if err != nil {
		return err
	}
	parts, err := newParts(f, own.redis, box)
	if err != nil {
		return err
	}

	mails := newMailer(out)
	var g run.Group
	g.Add(serving.Stopper(ctx))
	ready := []*port.Readiness{publisher.Readiness()}
	for i, ln := range ports {
		s := own
		if i > 0 { // as if it were on another machine
			if s, err = all.open("worker-" + strconv.Itoa(i)); err != nil {
				return err
			}
		}
		node, err := newNode(nodeName(i), s, parts, out.Logger)
		if err != nil {
			return err
		}
		handler := node.routes()
		if i == 0 {
			login, err := newService(f, parts, node, publisher, mails, out.Logger)
			if err != nil {
				return err
			}
			handler = login.routes()
		}
		server := serving.NewHTTPServer(ln, unread.Handler(handler), nil, out.Logger)
		g.Add(server.Serve, server.Drain)
		g.Add(serving.Actor(func(ctx context.Context) error {
			if publisher.Readiness().Wait(ctx) != nil {
				return nil // told to end first
			}
			return node.subscriber.Run(ctx)
		}))
		ready = append(ready, node.subscriber.Readiness())
	}
	g.Add(serving.Actor(mails.run)) // after the server: what that has queued is sent
	g.Add(serving.Actor(box.Run))
	g.Add(serving.Actor(publisher.Run))
	g.Add(serving.Actor(func(ctx context.Context) error { return announce(ctx, f, out, ports, ready) }))
	return g.Run()
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
	out.Print("login service  %s\nAPI workers    %s\nadmin token    %s\nready\n", urls[0], strings.Join(urls[1:], " "), f.AdminToken)
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

// listenOn names the flag that the operator would change.
func listenOn(ctx context.Context, flag, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return ln, nil
}

func closeAll(ports []net.Listener) {
	for _, ln := range ports {
		ln.Close() // a server that was served has closed it already
	}
}
