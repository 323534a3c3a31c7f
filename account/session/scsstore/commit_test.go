package scsstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/session/scsstore"
	"github.com/revocast/revocast/store/storetest"
)

// loser loses the replies of as many scripts that write as it is told to.
type loser struct{ lose atomic.Int64 }

func (l *loser) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *loser) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		reads := len(cmd.Args()) < 6 // a find has one argument
		if err == nil && strings.HasPrefix(cmd.Name(), "eval") && !reads && l.lose.Add(-1) >= 0 {
			err = io.ErrUnexpectedEOF
			cmd.SetErr(err)
		}
		return err
	}
}

func (l *loser) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestLostReply: a script whose reply is lost runs again, and twice is once.
func TestLostReply(t *testing.T) {
	rdb, l := storetest.Redis(t).Client(), &loser{}
	rdb.AddHook(l)
	s := silent(t, rdb, broken{errDown}, scsstore.Options{})
	expiry := time.Now().Add(time.Hour)
	is := func(err, want error, pending int64) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		if n := rdb.HLen(t.Context(), "{rv:"+realm+"}:a:owed").Val(); n != pending {
			t.Errorf("%d owed, want %d", n, pending)
		}
	}
	l.lose.Store(1)
	is(s.Commit(numbered(1), []byte("a"), expiry), nil, 0)
	l.lose.Store(1)
	is(s.Commit(numbered(1), []byte("b"), expiry), errDown, 1)
	l.lose.Store(1)
	is(s.Delete(numbered(1)), errDown, 2)
}

// TestExpiryMoves with commits that change nothing, which tell nobody: an idle timeout starts
// again, and neither record nor index ends sooner.
func TestExpiryMoves(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{})
	m := s.managers[0]
	m.IdleTimeout = time.Hour
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	shorten := func() {
		t.Helper()
		for _, pattern := range []string{"*:s:x:*", "*:s:xs"} {
			key := s.rdb.Keys(t.Context(), pattern).Val()[0]
			s.must(s.rdb.PExpire(t.Context(), key, 10*time.Minute).Err())
			if strings.Contains(pattern, "x:") {
				s.must(s.rdb.HSet(t.Context(), key, "x", time.Now().Add(10*time.Minute).UnixMilli()).Err())
			}
		}
	}
	shorten()
	before := s.revisions()
	s.everywhere(token, "one") // each of these requests commits
	for _, pattern := range []string{"*:s:x:*", "*:s:xs"} {
		key := s.rdb.Keys(t.Context(), pattern).Val()[0]
		if left := s.rdb.PTTL(t.Context(), key).Val(); left < 59*time.Minute {
			t.Errorf("%s expires in %s", key, left)
		}
	}
	if after := s.revisions(); after != before {
		t.Errorf("%d events", after-before)
	}
	key := s.rdb.Keys(t.Context(), "*:s:x:*").Val()[0]
	x := s.rdb.HGet(t.Context(), key, "x").Val()
	s.everywhere(token, "one")
	if again := s.rdb.HGet(t.Context(), key, "x").Val(); again != x {
		t.Errorf("moved from %s to %s within a minute", x, again)
	}
}

// TestNewDeadlineIsAChange: with the same values it is data all the same.
func TestNewDeadlineIsAChange(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{})
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	want := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	s.request(0, token, func(ctx context.Context, m *scs.SessionManager) { m.SetDeadline(ctx, want) })
	s.request(1, token, func(ctx context.Context, m *scs.SessionManager) {
		if got := m.Deadline(ctx); !got.Equal(want) {
			t.Errorf("deadline %s, want %s", got, want)
		}
	})
}

// TestStaleKnowledgeIsNoReasonNotToWrite: the worker's memory has what is committed, and
// Redis something newer: the commit is a change.
func TestStaleKnowledgeIsNoReasonNotToWrite(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{})
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	b, _, err := s.stores[0].Find(token)
	s.must(err)
	// Somebody changes it, and this worker has not been told yet.
	other := silent(t, s.rdb, broken{errDown}, scsstore.Options{})
	if err := other.Commit(token, []byte("newer"), time.Now().Add(time.Hour)); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	s.must(s.stores[0].Commit(token, b, time.Now().Add(time.Hour)))
	s.everywhere(token, "one")
	all, err := s.stores[0].All()
	s.must(err)
	for _, got := range all {
		if string(got) != string(b) {
			t.Errorf("kept %q", got)
		}
	}
}

// TestIndexIsPrunedByCommits, so that it holds no more than what lives.
func TestIndexIsPrunedByCommits(t *testing.T) {
	server := storetest.Embedded(t)
	s := silent(t, server.Client(), broken{}, scsstore.Options{})
	for i := range 10 {
		// The first lives on, and with it the index.
		if err := s.Commit(numbered(i), []byte("a"), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(numbered(100), []byte("a"), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		server.Advance(40 * time.Minute)
	}
	if n := server.Client().ZCard(t.Context(), "{rv:"+realm+"}:a:s:xs").Val(); n > 3 {
		t.Errorf("%d in the index", n)
	}
}

// TestTombstoneOutlivesTheSession: as long as a commit could bring it back.
func TestTombstoneOutlivesTheSession(t *testing.T) {
	server := storetest.Embedded(t)
	s := silent(t, server.Client(), broken{}, scsstore.Options{})
	if err := s.Commit(numbered(1), []byte("a"), time.Now().Add(10*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(numbered(1)); err != nil {
		t.Fatal(err)
	}
	server.Advance(9 * time.Hour)
	if err := s.Commit(numbered(1), []byte("back"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all, err := s.All(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

// TestManyRequestsAtOnce: a destroyed session stays destroyed, however many requests commit
// meanwhile.
func TestManyRequestsAtOnce(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{})
	for range 5 {
		token := s.put(0, "", "one")
		s.everywhere(token, "one")
		b, _, err := s.stores[0].Find(token)
		s.must(err)
		together(8, func(i int) {
			st := s.stores[i%2]
			if i == 3 {
				err := st.Delete(token)
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err := st.Commit(token, b[:len(b)-i], time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		s.everywhere(token, "")
	}
}
