package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast/internal/tcplink"
	"github.com/revocast/revocast/token"
)

const (
	issuerName  = "https://issuer.example"
	streamName  = "RV_default"
	startLimit  = 60 * time.Second
	checkLimit  = 20 * time.Second // longer than any pause: what was asked before it is answered after
	answerLimit = 8 * time.Second  // of a publisher
)

// Shape is what a [Rig] consists of.
type Shape struct {
	Workers, Publishers, Nodes int
	Replica                    bool          // a replica of Redis
	Lease                      time.Duration // L
	Fence                      time.Duration // F
}

// String names the shape in a report.
func (s Shape) String() string {
	redis := "one Redis"
	if s.Replica {
		redis = "Redis with a replica"
	}
	return fmt.Sprintf("%d workers, %d publishers, %s, %d NATS nodes, lease %s, fence %s",
		s.Workers, s.Publishers, redis, s.Nodes, s.Lease, s.Fence)
}

// Rig is a whole deployment on this machine, with the files and users of deploy/. Its methods are
// for one goroutine; what they return is safe for concurrent use.
type Rig struct {
	Shape
	dir      string
	programs string
	minter   *token.Issuer
	ports    ports

	Redis   []*Redis // the primary first
	primary int
	repl    *tcplink.Link // from the replica to the primary
	Nodes   []*Node

	Publishers []*Publisher
	Workers    []*Worker

	admin *nats.Conn // straight to the nodes
	http  *http.Transport
}

// Build builds the programs into a folder.
func Build(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator),
		"github.com/revocast/revocast/cmd/publisher", "github.com/revocast/revocast/cmd/subscriber",
		"github.com/nats-io/nats-server/v2")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// NewRig starts everything, with files in dir and the programs from [Build]. After an
// error, too, [Rig.Close] must be called unless the rig is nil.
func NewRig(ctx context.Context, dir, programs string, shape Shape) (*Rig, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	r := &Rig{Shape: shape, dir: dir, programs: programs, http: &http.Transport{
		MaxIdleConnsPerHost: 256, DisableCompression: true,
	}}
	for _, step := range []func(context.Context) error{
		r.startRedis, r.startNodes, r.makeIssuer, r.makeRealm, r.startPublishers, r.startWorkers, r.Healthy,
	} {
		if err := step(ctx); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Close kills every process and ends every link.
func (r *Rig) Close() {
	for _, p := range r.Processes() {
		p.Close()
	}
	if r.admin != nil {
		r.admin.Close()
	}
	for _, p := range r.peers() {
		p.closeLinks()
	}
	if r.repl != nil {
		r.repl.Close()
	}
	r.http.CloseIdleConnections()
}

// Processes are all of them.
func (r *Rig) Processes() []*Process {
	var all []*Process
	for _, p := range r.peers() {
		all = append(all, p.Process)
	}
	for _, s := range r.Redis {
		all = append(all, s.Process)
	}
	for _, n := range r.Nodes {
		all = append(all, n.Process)
	}
	return all
}

func (r *Rig) peers() []*Peer {
	var all []*Peer
	for _, p := range r.Publishers {
		all = append(all, &p.Peer)
	}
	for _, w := range r.Workers {
		all = append(all, &w.Peer)
	}
	return all
}

func (r *Rig) startRedis(ctx context.Context) error {
	ports, err := r.ports.find(2)
	if err != nil {
		return err
	}
	primary, err := newRedis(r.dir, "redis-1", ports[0], r.Replica)
	if err != nil {
		return err
	}
	r.Redis = append(r.Redis, primary)
	if err := startAndAwait(ctx, primary.Process, primary.Serves); err != nil || !r.Replica {
		return err
	}
	replica, err := newRedis(r.dir, "redis-2", ports[1], true)
	if err != nil {
		return err
	}
	r.Redis = append(r.Redis, replica)
	if r.repl, err = tcplink.New(primary.Addr); err != nil {
		return err
	}
	if err := startAndAwait(ctx, replica.Process, replica.Serves); err != nil {
		return err
	}
	return r.follow(ctx, replica)
}

func startAndAwait(ctx context.Context, p *Process, serves func() error) error {
	if err := p.Start(); err != nil {
		return err
	}
	if err := Eventually(ctx, 10*time.Millisecond, serves); err != nil {
		return fmt.Errorf("%s does not serve: %w\n%s", p.Name, err, p.Tail(20))
	}
	return nil
}

// follow makes a server the replica of the primary, through the link, and waits until
// the primary accepts writes.
func (r *Rig) follow(ctx context.Context, replica *Redis) error {
	host, port, _ := strings.Cut(r.repl.Addr(), ":")
	if _, err := replica.Do(ctx, "REPLICAOF", host, port); err != nil {
		return err
	}
	return Eventually(ctx, 20*time.Millisecond, func() error {
		_, err := r.Primary().Do(ctx, "SET", "writable", "yes")
		return err
	})
}

// Primary is the Redis that carries the ledger; Other is the replica.
func (r *Rig) Primary() *Redis { return r.Redis[r.primary] }

// Other is the Redis that does not carry the ledger, in a shape with a replica.
func (r *Rig) Other() *Redis { return r.Redis[1-r.primary] }

func (r *Rig) startNodes(ctx context.Context) error {
	ports, err := r.ports.find(3 * r.Shape.Nodes)
	if err != nil {
		return err
	}
	if r.Nodes, err = newNodes(r.dir, filepath.Join(r.programs, "nats-server"), ports); err != nil {
		return err
	}
	var urls []string
	for _, n := range r.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
		urls = append(urls, "nats://"+n.Addr)
	}
	r.admin, err = nats.Connect(strings.Join(urls, ","), nats.UserInfo(operator, operator),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return err
	}
	return r.NodesServe(ctx)
}

// NodesServe waits until JetStream answers.
func (r *Rig) NodesServe(ctx context.Context) error {
	js, err := r.JetStream()
	if err != nil {
		return err
	}
	err = Eventually(ctx, 50*time.Millisecond, func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := js.AccountInfo(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("JetStream does not answer: %w\n%s", err, r.Nodes[0].Tail(20))
	}
	return nil
}

// JetStream is an operator's access to the nodes.
func (r *Rig) JetStream() (jetstream.JetStream, error) {
	return jetstream.New(r.admin, jetstream.WithDefaultTimeout(2*time.Second))
}

func (r *Rig) makeIssuer(context.Context) error {
	key, err := token.NewSigningKey()
	if err != nil {
		return err
	}
	if r.minter, err = token.NewIssuer(issuerName, key, token.IssuerOptions{TTL: 2 * time.Hour}); err != nil {
		return err
	}
	set, err := r.minter.JWKS()
	if err != nil {
		return err
	}
	return os.WriteFile(r.keys(), set, 0o600)
}

func (r *Rig) keys() string { return filepath.Join(r.dir, "jwks.json") }

// makeRealm runs `publisher init` until the cluster can make streams.
func (r *Rig) makeRealm(ctx context.Context) error {
	args := []string{
		"init", "--default-issuer", issuerName, "--lease", r.Lease.String(), "--token-lifetime", "24h",
		"--nats-replicas", strconv.Itoa(len(r.Nodes)), "--nats", "nats://" + publisherUser + r.Nodes[0].Addr, "--redis",
		"redis://" + publisherUser + r.Primary().Addr, "--names-secret", namesSecret,
	}
	if r.Fence > 0 {
		args = append(args, "--fence", r.Fence.String())
	}
	return Eventually(ctx, 100*time.Millisecond,
		func() error { return run(filepath.Join(r.programs, "publisher"), args...) })
}

// Healthy waits until every publisher and every worker is ready.
func (r *Rig) Healthy(ctx context.Context) error {
	for _, p := range r.peers() {
		err := Eventually(ctx, 20*time.Millisecond, func() error { return p.API.Ready(ctx) })
		if err != nil {
			return fmt.Errorf("%s is not ready: %w", p.Name, err)
		}
	}
	return nil
}
