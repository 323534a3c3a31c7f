package session_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/store/storetest"
)

// hook counts the commands that go out, and loses the reply of as many as it is told to.
type hook struct {
	sent, lose atomic.Int64
}

func (h *hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.sent.Add(1)
		err := next(ctx, cmd)
		if err == nil && strings.HasPrefix(cmd.Name(), "eval") && h.lose.Add(-1) >= 0 {
			err = io.ErrUnexpectedEOF
			cmd.SetErr(err)
		}
		return err
	}
}

func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.sent.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

func hooked(t testing.TB, o session.Options) (*kit, *hook) {
	t.Helper()
	h := &hook{}
	rdb := storetest.Redis(t, "--appendfsync", "everysec").Client()
	rdb.AddHook(h)
	return newKit(t, storetest.Backend{Name: "redis", Client: rdb}, o), h
}
