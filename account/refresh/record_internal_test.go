package refresh

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
)

var sample = Family{
	ID: "id", Principal: "alice", Session: "sid", Tenant: "acme", Client: "app", Scope: "read write",
	Data: map[string]string{"k": "v"}, Number: 7,
	Expires: time.UnixMilli(2), Ends: time.UnixMilli(4), Rotated: time.UnixMilli(6),
	AuthTime: time.UnixMilli(14), Issued: time.UnixMilli(15),
}

const (
	sampleMoving = "hash 2 3 4 7 6 attempt previous"
	sampleFixed  = "who tenant client 14 15"
)

func TestFamilyIsReadAsItWasWritten(t *testing.T) {
	r := script.Read([]any{"id", sampleMoving, sampleFixed, body(sample, `{"k":"v"}`)})
	if got := readFamily(r); r.Err != nil || !reflect.DeepEqual(got, sample) {
		t.Errorf("%+v, %v, want %+v", got, r.Err, sample)
	}
	var none Family
	if !unpack(body(Family{}, ""), &none) || !reflect.DeepEqual(none, Family{}) {
		t.Errorf("the body of nothing became %+v", none)
	}
}

// TestDamagedFamilies are errors, and no families.
func TestDamagedFamilies(t *testing.T) {
	good := body(sample, "")
	for name, reply := range map[string][]any{
		"short":              {"id", sampleMoving, sampleFixed},
		"a word too few":     {"id", strings.TrimSuffix(sampleMoving, " previous"), sampleFixed, good},
		"a word too many":    {"id", sampleMoving + " x", sampleFixed, good},
		"few fixed":          {"id", sampleMoving, "who", good},
		"no number":          {"id", strings.Replace(sampleMoving, "7", "seven", 1), sampleFixed, good},
		"no instant":         {"id", sampleMoving, strings.Replace(sampleFixed, "14", "x", 1), good},
		"no body":            {"id", sampleMoving, sampleFixed, ""},
		"a body cut off":     {"id", sampleMoving, sampleFixed, good[:len(good)-1]},
		"a body cut early":   {"id", sampleMoving, sampleFixed, good[:3]},
		"data that is none":  {"id", sampleMoving, sampleFixed, good + "{"},
		"an endless length":  {"id", sampleMoving, sampleFixed, strings.Repeat("\xff", 20)},
		"a length too large": {"id", sampleMoving, sampleFixed, "\x7f" + good},
	} {
		s := &Store{}
		a, err := s.answer(append([]any{"ok", "", ""}, reply...), nil)
		if !errors.Is(err, script.ErrReply) {
			t.Errorf("%s: %+v, %v, want ErrReply", name, a, err)
		}
	}
}

// TestStatusOfNoScript is an error of its own.
func TestStatusOfNoScript(t *testing.T) {
	if err := (&Store{}).refuse(t.Context(), answer{status: "strange"}, nil); !errors.Is(err, script.ErrReply) {
		t.Errorf("%v, want ErrReply", err)
	}
}

// TestMostData: scope and data may have MaxData bytes together.
func TestMostData(t *testing.T) {
	data := map[string]string{"k": "v"}
	left := MaxData - len(`{"k":"v"}`)
	for n, fits := range map[int]bool{left: true, left + 1: false} {
		text, err := (&Grant{Principal: "alice", Scope: strings.Repeat("s", n), Data: data}).check()
		if (err == nil) != fits || !fits && !errors.Is(err, revocast.ErrInvalid) || fits && text != `{"k":"v"}` {
			t.Errorf("%d bytes of scope: %q, %v", n, text, err)
		}
	}
}

// TestExpectedFamilies: each name that is given has to fit, and shows nothing where it does not.
func TestExpectedFamilies(t *testing.T) {
	for _, c := range []struct {
		want Expect
		fits bool
	}{
		{Expect{}, true},
		{Expect{Principal: "alice", Tenant: "acme", Client: "app"}, true},
		{Expect{Principal: "bob", Tenant: "acme", Client: "app"}, false},
		{Expect{Principal: "alice", Tenant: "other", Client: "app"}, false},
		{Expect{Principal: "alice", Tenant: "acme", Client: "other"}, false},
		{Expect{Tenant: "acme"}, true},
		{Expect{Tenant: "other"}, false},
		{Expect{Client: "app"}, true},
		{Expect{Client: "other"}, false},
		{Expect{Principal: "bob"}, false},
	} {
		want := Family{}
		if c.fits {
			want = sample
		}
		if got := c.want.of(sample); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: %+v", c.want, got)
		}
	}
}

// gone is an outbox whose Redis is not there.
type gone struct{ rdb redis.UniversalClient }

func (gone) Realm() string                  { return "test" }
func (g gone) Redis() redis.UniversalClient { return g.rdb }

func (gone) Complete(context.Context, string, ...revocast.CallOption) ([]revocast.Receipt, error) {
	return nil, errors.New("told an outbox of nothing")
}

func onNoRedis(t *testing.T) *Store {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := New(gone{rdb}, Options{Key: make([]byte, minKey)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRedisIsGone: no call takes that for an answer.
func TestRedisIsGone(t *testing.T) {
	s, ctx := onNoRedis(t), t.Context()
	id := "AAAAAAAAAAAAAAAAAAAAAA"
	for name, call := range map[string]func() error{
		"Issue":     func() error { _, err := s.Issue(ctx, Grant{Principal: "alice"}); return err },
		"End":       func() error { _, err := s.End(ctx, id, Expect{}, revocast.Cause{}); return err },
		"EndAll":    func() error { _, err := s.EndAll(ctx, "alice", revocast.Cause{}); return err },
		"EndOthers": func() error { _, err := s.EndOthers(ctx, "alice", id, revocast.Cause{}); return err },
		"List":      func() error { _, err := s.List(ctx, "alice"); return err },
	} {
		if err := call(); err == nil || errors.Is(err, revocast.ErrInvalid) || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusedWithoutRedis: what is wrong whatever Redis holds is refused, and says what is wrong.
func TestRefusedWithoutRedis(t *testing.T) {
	s, ctx := onNoRedis(t), t.Context()
	bad := revocast.Cause{Reason: "a\nb"}
	long := strings.Repeat("x", revocast.MaxID+1)
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"cause of End":       {second(s.End(ctx, "id", Expect{}, bad)), "reason"},
		"cause of EndAll":    {second(s.EndAll(ctx, "alice", bad)), "reason"},
		"nobody of EndAll":   {second(s.EndAll(ctx, "", revocast.Cause{})), "principal is empty"},
		"long of EndAll":     {second(s.EndAll(ctx, long, revocast.Cause{})), "principal has"},
		"text of EndAll":     {second(s.EndAll(ctx, "\xff", revocast.Cause{})), "UTF-8"},
		"none of EndOthers":  {second(s.EndOthers(ctx, "alice", "", revocast.Cause{})), "family to keep is empty"},
		"nobody of List":     {second(s.List(ctx, "")), "principal is empty"},
		"initiator of End":   {second(s.End(ctx, "id", Expect{}, revocast.Cause{Initiator: "\x7f"})), "initiator"},
		"long reason of End": {second(s.End(ctx, "id", Expect{}, revocast.Cause{Reason: long})), "reason has"},
	} {
		if !errors.Is(c.err, revocast.ErrInvalid) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want ErrInvalid that says %q", name, c.err, c.says)
		}
	}
	if _, err := s.Lookup(ctx, "no token", Expect{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("Lookup: %v", err)
	}
	if _, err := s.Rotate(ctx, "no token", Expect{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("Rotate: %v", err)
	}
	if _, err := s.EndToken(ctx, "no token", Expect{}, revocast.Cause{}); err != nil {
		t.Errorf("EndToken: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
