package fleettest_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// BenchmarkCallers has 64 callers revoke one principal each, over and over, at a fleet of four workers, to
// each strength in turn. The peer is go-redis' AutoPipeline with the very commands of such commits. It
// reports the median of each in calls a second, and ratios to the peer of the same round.
func BenchmarkCallers(b *testing.B) {
	r := fleettest.NewRigOn(b, storetest.Redis(b, "--appendfsync", "everysec"), eventstest.NewServer(b))
	p := r.Publisher()
	r.Workers(4)
	pipeline := newPipelined(b, r)
	ctx := context.Background()
	var n atomic.Uint64
	rates := map[string][]float64{}
	for b.Loop() {
		peer := callers(b, func() error { return pipeline.commit(ctx, fmt.Sprint("peer-", n.Add(1))) })
		rates["pipelined/s"] = append(rates["pipelined/s"], peer)
		for _, strength := range []revocast.Strength{revocast.Committed, revocast.Durable, revocast.Confirmed} {
			rate := callers(b, func() error {
				_, err := p.Revoke(ctx, user(int(n.Add(1))), revocast.WithStrength(strength))
				return err
			})
			rates[strength.String()+"/s"] = append(rates[strength.String()+"/s"], rate)
			rates[strength.String()+"-ratio"] = append(rates[strength.String()+"-ratio"], rate/peer)
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, all := range rates {
		b.ReportMetric(median(all), unit)
	}
}

// callers is how many calls a second 64 callers make.
func callers(b *testing.B, call func() error) float64 {
	const callers, each = 64, 16
	start := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				if err := call(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return callers * each / time.Since(start).Seconds()
}

// pipelined commits by the ledger's own script, one call a command.
type pipelined struct {
	client   *redis.AutoPipeliner
	template []any // the command of one commit
}

// newPipelined takes the command of a commit from a ledger of a realm of its own.
func newPipelined(b *testing.B, r *fleettest.Rig) *pipelined {
	rdb := r.Redis.Client()
	seen := &lastScript{}
	rdb.AddHook(seen)
	l, err := store.New(rdb, "peer", store.Options{})
	r.Must(err)
	r.Must(storetest.Start(b.Context(), l, 1))
	_, err = l.Commit(b.Context(), "", []revocast.Event{{
		Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: revocast.KeyOf("peer", 3, "", "x"),
		At: time.Now().UnixMilli(),
	}})
	r.Must(err)
	client, err := r.Redis.Client().AutoPipeline()
	r.Must(err)
	b.Cleanup(func() { client.Close() })
	return &pipelined{client, seen.args}
}

// The places of a commit's own words in its command.
const (
	digestAt = 7
	keyAt    = 14
)

func (p *pipelined) commit(ctx context.Context, id string) error {
	args := slices.Clone(p.template)
	key := revocast.KeyOf("peer", revocast.ScopePrincipal, "", id).String()
	args[digestAt], args[keyAt] = key, key
	reply, err := p.client.Do(ctx, args...).Slice()
	if err == nil && fmt.Sprint(reply[2]) != "0" {
		err = fmt.Errorf("%v", reply)
	}
	return err
}

// lastScript keeps the last EVALSHA that a client sent.
type lastScript struct{ args []any }

func (s *lastScript) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *lastScript) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			s.args = cmd.Args()
		}
		return next(ctx, cmd)
	}
}

func (s *lastScript) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
