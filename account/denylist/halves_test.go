package denylist_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/store/storetest"
)

// twice runs each script twice and answers with the second reply, as happens when the first
// reply is lost. It keeps the first reply of all.
type twice struct{ first *any }

func (twice) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (twice) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (k twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" || cmd.Name() == "eval" {
			lost := redis.NewCmd(ctx, cmd.Args()...)
			if next(ctx, lost) == nil && *k.first == nil {
				*k.first = lost.Val()
			}
			<-time.After(3 * time.Millisecond) // so that the second run is at another time
		}
		return next(ctx, cmd)
	}
}

// TestRunTwiceIsRunOnce: also the cut-off, which is the time of the first run.
func TestRunTwiceIsRunOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		var first any
		b.Client.AddHook(twice{&first})
		l, pub, _ := onFake(t, b)
		later := time.Now().Add(time.Hour)
		res, err := l.RevokeIssued(t.Context(), revocast.Cause{}, denylist.Issued{Principal: "alice"}, []denylist.Token{
			token(1, later, later), token(2, time.Unix(1, 0), later),
		})
		must(t, err)
		if reply, _ := first.([]any); len(reply) != 2 || reply[0] != strconv.FormatInt(res.CutOff.UnixMilli(), 10) {
			t.Errorf("the first run said %v, the second %+v", first, res)
		}
		told := pub.take()
		if len(told) != 2 || !told[0].CutOff.Equal(res.CutOff) || res.Entries != 1 {
			t.Errorf("%+v, told %+v", res, told)
		}
		page, err := l.Page(t.Context(), "", 10)
		if err != nil || len(page.Entries) != 1 || page.Entries[0].ID != "jti-0001" {
			t.Errorf("listed %+v, %v", page, err)
		}
	})
}
