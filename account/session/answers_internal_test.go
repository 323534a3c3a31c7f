package session

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// says is a Redis that answers every script with one reply, and an outbox beside it.
type says struct {
	rdb   *redis.Client
	reply any
	err   error
}

func (s *says) Realm() string                { return "test" }
func (s *says) Redis() redis.UniversalClient { return s.rdb }

func (s *says) Complete(context.Context, string, ...revocast.CallOption) ([]revocast.Receipt, error) {
	return nil, errors.New("told an outbox of nothing")
}

func (s *says) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *says) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		if s.err != nil {
			cmd.SetErr(s.err)
			return s.err
		}
		cmd.(*redis.Cmd).SetVal(s.reply)
		return nil
	}
}

func (s *says) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func onReply(t *testing.T, reply any, err error) *Store {
	t.Helper()
	s := &says{redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true}), reply, err}
	t.Cleanup(func() { _ = s.rdb.Close() })
	s.rdb.AddHook(s)
	store, err := New(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// errOf is the error among the results of a call.
func errOf(results ...any) error {
	err, _ := results[len(results)-1].(error)
	return err
}

func calls(t *testing.T, s *Store) map[string]error {
	ctx, token := t.Context(), secret.New()
	return map[string]error{
		"Create":    errOf(s.Create(ctx, Login{Principal: "alice"})),
		"Rotate":    errOf(s.Rotate(ctx, token)),
		"Get":       errOf(s.Get(ctx, token)),
		"ByID":      errOf(s.ByID(ctx, "sid")),
		"Peek":      errOf(s.Peek(ctx, "sid")),
		"List":      errOf(s.List(ctx, "alice")),
		"End":       errOf(s.End(ctx, "sid")),
		"EndAll":    errOf(s.EndAll(ctx, "alice")),
		"EndOthers": errOf(s.EndOthers(ctx, "alice", "sid")),
		"Loader":    errOf(s.Loader()(ctx, token)),
	}
}

// TestNothingIsTakenForAnAnswer: not a Redis that fails, and not a reply that no script gives.
func TestNothingIsTakenForAnAnswer(t *testing.T) {
	down := errors.New("down")
	for name, err := range calls(t, onReply(t, nil, down)) {
		if !errors.Is(err, down) {
			t.Errorf("%s: %v, want the error of Redis", name, err)
		}
	}
	for _, err := range []error{
		errOf(onReply(t, []any{"ok", "no session"}, nil).List(t.Context(), "alice")),
		errOf(onReply(t, []any{"ok", ""}, nil).ByID(t.Context(), "sid")),
	} {
		if !errors.Is(err, script.ErrReply) {
			t.Errorf("%v, want ErrReply", err)
		}
	}
	for _, reply := range []any{[]any{"strange"}, "ok", int64(1)} {
		for name, err := range calls(t, onReply(t, reply, nil)) {
			if !errors.Is(err, script.ErrReply) {
				t.Errorf("%s of %v: %v, want ErrReply", name, reply, err)
			}
		}
	}
}

// TestWordsAreChecked before a session is made, rotated or ended.
func TestWordsAreChecked(t *testing.T) {
	for _, because := range [][2]string{{"a\nb", ""}, {"", "a\nb"}, {strings.Repeat("x", revocast.MaxReason+1), ""}} {
		s := onReply(t, nil, errors.New("down")).Because(because[0], because[1])
		for name, err := range calls(t, s) {
			switch name {
			case "Create", "Rotate", "End", "EndAll", "EndOthers":
				if !errors.Is(err, revocast.ErrInvalid) {
					t.Errorf("%s because of %.5q: %v", name, because, err)
				}
			}
		}
	}
}

// TestTextsThatAreNoTokens have no hash, and are looked up nowhere.
func TestTextsThatAreNoTokens(t *testing.T) {
	for _, text := range []string{"", "x", secret.New() + "x", secret.New()[1:]} {
		if hash, ok := hashOf(text); ok || hash != "" {
			t.Errorf("%q has the hash %q", text, hash)
		}
	}
	if hash, ok := hashOf(secret.New()); !ok || len(tokenID(hash)) != tokenIDLen {
		t.Errorf("a token has the hash %q", hash)
	}
	s := onReply(t, nil, errors.New("down"))
	for name, err := range map[string]error{
		"Get": errOf(s.Get(t.Context(), "x")), "Rotate": errOf(s.Rotate(t.Context(), "x")),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
