package refresh_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

// dump is all that Redis holds, as text.
func (r *rig) dump() string {
	r.Helper()
	keys, err := r.rdb.Keys(r.ctx, "*").Result()
	r.must(err)
	var all strings.Builder
	for _, key := range keys {
		switch kind := r.rdb.Type(r.ctx, key).Val(); kind {
		case "hash":
			fmt.Fprintln(&all, key, r.rdb.HGetAll(r.ctx, key).Val())
		case "zset":
			fmt.Fprintln(&all, key, r.rdb.ZRangeWithScores(r.ctx, key, 0, -1).Val())
		default:
			r.Fatalf("%s is a %s", key, kind)
		}
	}
	return all.String()
}

// TestNothingRawIsStored: no token, nor any part of one but the family's name.
func TestNothingRawIsStored(t *testing.T) {
	r := onRedis(t, refresh.Options{})
	token := r.login("alice")
	texts := []string{token.Text}
	for range 3 {
		token = r.rotate(token.Text)
		texts = append(texts, token.Text)
	}
	r.rotate(texts[2])
	all := r.dump()
	if !strings.Contains(all, token.ID) {
		t.Fatalf("the dump has not even the family: %s", all)
	}
	for _, text := range texts {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		r.must(err)
		for what, part := range map[string][]byte{"the secret": raw[20:52], "the tag": raw[52:]} {
			for _, spelled := range []string{
				string(part), hex.EncodeToString(part), base64.RawURLEncoding.EncodeToString(part),
				base64.StdEncoding.EncodeToString(part),
			} {
				if strings.Contains(all, spelled) {
					t.Errorf("Redis has %s of %s", what, text)
				}
			}
		}
		if strings.Contains(all, text[30:60]) {
			t.Errorf("Redis has a piece of %s", text)
		}
	}
}

// TestOldTokenAndRedisWithoutTheKey: who has both and another key gets nothing, and cannot
// even end the family.
func TestOldTokenAndRedisWithoutTheKey(t *testing.T) {
	r := onRedis(t, refresh.Options{})
	old := r.login("alice")
	latest := r.rotate(old.Text)
	thief := r.open(refresh.Options{Key: key('x')})
	for _, text := range []string{old.Text, latest.Text} {
		_, err := thief.Rotate(r.ctx, text, refresh.Expect{})
		r.is("rotate", err, refresh.ErrNotFound)
		_, err = thief.EndToken(r.ctx, text, refresh.Expect{}, revocast.Cause{})
		r.is("revoke", err)
	}
	r.tells("nothing")
	r.rotate(latest.Text)
}

// TestKeyIsChangedWithoutLogouts: while processes differ in which key is the first, they
// agree on the successor.
func TestKeyIsChangedWithoutLogouts(t *testing.T) {
	r := onRedis(t, refresh.Options{Key: key('1'), Previous: [][]byte{key('2')}})
	behind, ahead := r.Store, r.open(refresh.Options{Key: key('2'), Previous: [][]byte{key('1')}})
	token := r.login("alice").Text
	for n := range 4 {
		one, two := behind, ahead
		if n%2 == 1 {
			one, two = ahead, behind
		}
		a, err := one.Rotate(r.ctx, token, refresh.Expect{})
		r.must(err)
		b, err := two.Rotate(r.ctx, token, refresh.Expect{})
		r.must(err)
		if a.Text != b.Text || !b.Again {
			t.Fatalf("round %d: %+v and %+v", n, a, b)
		}
		token = a.Text
	}
	only := r.open(refresh.Options{Key: key('2')})
	if _, err := only.Rotate(r.ctx, token, refresh.Expect{}); err != nil {
		t.Errorf("once the old key is gone: %v", err)
	}
}

// TestSuccessorUnderAnUnknownKey: a process that was left out of the change must not hand
// out a wrong token, and must not tell the client that its token is bad.
func TestSuccessorUnderAnUnknownKey(t *testing.T) {
	r := onRedis(t, refresh.Options{Key: key('1')})
	token := r.login("alice").Text
	next, err := r.open(refresh.Options{Key: key('2'), Previous: [][]byte{key('1')}}).Rotate(r.ctx, token,
		refresh.Expect{})
	r.must(err)
	_, err = r.Rotate(r.ctx, token, refresh.Expect{})
	r.is("the process left out", err, revocast.ErrUnavailable)
	_, err = r.open(refresh.Options{Key: key('2'), Previous: [][]byte{key('1')}}).Rotate(r.ctx, next.Text,
		refresh.Expect{})
	r.is("another", err)
}
