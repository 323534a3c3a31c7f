package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast/internal/tcplink"
)

// trouble is one thing that happens to links.
type trouble struct {
	name  string
	begin func(*tcplink.Link)
}

func troubles() []trouble {
	set := func(ways []tcplink.Way, m tcplink.Mode) func(*tcplink.Link) {
		return func(l *tcplink.Link) {
			for _, w := range ways {
				l.Set(w, m)
			}
		}
	}
	return []trouble{
		{"cut", (*tcplink.Link).Cut},
		{"held up both ways", set([]tcplink.Way{tcplink.Out, tcplink.Back}, tcplink.Hold)},
		{"held up on the way out", set([]tcplink.Way{tcplink.Out}, tcplink.Hold)},
		{"held up on the way back", set([]tcplink.Way{tcplink.Back}, tcplink.Hold)},
		{"lost both ways", set([]tcplink.Way{tcplink.Out, tcplink.Back}, tcplink.Lose)},
		{"lost on the way out", set([]tcplink.Way{tcplink.Out}, tcplink.Lose)},
		{"lost on the way back", set([]tcplink.Way{tcplink.Back}, tcplink.Lose)},
	}
}

// some are the links of a peer to NATS, to Redis or to both.
func (p *Peer) some(which int) (string, []*tcplink.Link) {
	switch which % 3 {
	case 0:
		return "NATS", p.NATS
	case 1:
		return "Redis", []*tcplink.Link{p.Redis}
	}
	return "NATS and Redis", append([]*tcplink.Link{p.Redis}, p.NATS...)
}

// cutOff goes through every trouble, each with links of another peer.
func (t *Trial) cutOff(ctx context.Context, who func() *Peer, during func(context.Context, string) error) error {
	which := t.Random.IntN(3)
	for i, tr := range troubles() {
		p := who()
		to, links := p.some(which + i)
		for _, l := range links {
			tr.begin(l)
		}
		err := during(ctx, to)
		if err == nil {
			err = t.Rest(ctx, time.Duration(t.Random.IntN(int(t.Lease)/2)))
		}
		for _, l := range links {
			l.Heal()
		}
		if err != nil {
			return fmt.Errorf("%s, connection to %s %s: %w", p.Name, to, tr.name, err)
		}
	}
	return nil
}

func workerCutOff(ctx context.Context, t *Trial) error {
	return t.cutOff(ctx, func() *Peer { return &t.someWorker().Peer }, func(ctx context.Context, from string) error {
		return t.afterLoss(ctx, "a worker was cut off from "+from)
	})
}

// publisherCutOff asks the other publisher, too: the probe goes to whichever answers.
func publisherCutOff(ctx context.Context, t *Trial) error {
	return t.cutOff(ctx, func() *Peer { return &t.somePublisher().Peer }, func(ctx context.Context, from string) error {
		return t.probes(ctx, "confirmation after a publisher was cut off from "+from, 2, 0)
	})
}
