package faults

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/tcplink"
	"github.com/revocast/revocast/names"
)

// Peer is a publisher or a worker with its links.
type Peer struct {
	*Process
	Addr  string
	Redis *tcplink.Link
	NATS  []*tcplink.Link // one to each node
	API   *client.Client
}

// Publisher is a publisher process.
type Publisher struct{ Peer }

// Worker is a sidecar process.
type Worker struct {
	Peer
	Number int
	// Via, if set, is asked instead of the worker, to show that the test can fail.
	Via string
}

// namesSecret is what the realm's names are hashed with.
var namesSecret = strings.Repeat("5e", names.MinSecret)

func (r *Rig) startPublishers(context.Context) error {
	for i := range r.Shape.Publishers {
		name := fmt.Sprintf("publisher-%d", i+1)
		peer, err := r.newPeer(name, "publisher", "serve", "--insecure-no-auth", "--name", name,
			"--names-secret", namesSecret, "--nats-replicas", strconv.Itoa(len(r.Nodes)))
		if err != nil {
			return err
		}
		r.Publishers = append(r.Publishers, &Publisher{peer})
		if err := peer.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rig) startWorkers(context.Context) error {
	for i := range r.Shape.Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		peer, err := r.newPeer(name, "subscriber", "serve", "--worker", name, "--jwks", r.keys(), "--issuer",
			issuerName, "--any-audience", "--names-secret", namesSecret)
		if err != nil {
			return err
		}
		r.Workers = append(r.Workers, &Worker{Peer: peer, Number: i})
		if err := peer.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rig) newPeer(name, program string, args ...string) (Peer, error) {
	var p Peer
	ports, err := r.ports.find(1)
	if err != nil {
		return p, err
	}
	p.Addr = "127.0.0.1:" + strconv.Itoa(ports[0])
	if p.Redis, err = tcplink.New(r.Primary().Addr); err != nil {
		return p, err
	}
	user := map[string]string{"publisher": publisherUser, "subscriber": workerUser}[program]
	var urls []string
	for _, n := range r.Nodes {
		l, err := tcplink.New(n.Addr)
		if err != nil {
			p.closeLinks()
			return p, err
		}
		p.NATS = append(p.NATS, l)
		urls = append(urls, "nats://"+user+l.Addr())
	}
	args = append(args, "--listen", p.Addr, "--nats", strings.Join(urls, ","), "--redis",
		"redis://"+user+p.Redis.Addr())
	p.Process = newProcess(r.dir, name, filepath.Join(r.programs, program), args...)
	p.API, err = client.New("http://"+p.Addr, client.Options{
		Timeout: answerLimit, Retries: client.NoRetries, HTTP: &http.Client{Transport: r.http},
	})
	return p, err
}

func (p *Peer) closeLinks() {
	p.Redis.Close()
	for _, l := range p.NATS {
		l.Close()
	}
}
