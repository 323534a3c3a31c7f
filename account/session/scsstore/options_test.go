package scsstore_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session/scsstore"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

func TestOptionsAreVetted(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l, err := store.New(rdb, realm, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sub := option.Must(worker.NewSubscriber(l, deaf{}, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{}))
	for _, err := range []error{
		second(scsstore.New(nil, elsewhere{broken{}, realm, rdb}, scsstore.Options{})),
		second(scsstore.New(sub, nil, scsstore.Options{})),
		second(scsstore.New(sub, elsewhere{broken{}, realm, nil}, scsstore.Options{})),
		second(scsstore.New(sub, elsewhere{broken{}, "other", rdb}, scsstore.Options{})),
	} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Error(err)
		}
	}
}

// TestLawForOptions: what is below zero is refused by name.
func TestLawForOptions(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	sub := option.Must(worker.NewSubscriber(option.Must(store.New(rdb, realm, store.Options{})), deaf{},
		option.Must(cache.New(cache.Options{})), worker.SubscriberOptions{}))
	for field, o := range map[string]scsstore.Options{
		"CacheTTL": {CacheTTL: -1}, "Timeout": {Timeout: -1}, "Policy": {Policy: worker.Grace(-1)},
	} {
		_, err := scsstore.New(sub, elsewhere{broken{}, realm, rdb}, o)
		if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), "."+field+" is -1ns") {
			t.Errorf("%s: %v, want ErrInvalid that names it", field, err)
		}
	}
}

func second(_ *scsstore.Store, err error) error { return err }

// TestOptionPolicy: a worker that has no lease asks, unless it must not.
func TestOptionPolicy(t *testing.T) {
	o := scsstore.Options{Issuer: "https://b.example"}
	s := newSite(t, 1, o)
	token := s.put(0, "", "one")
	if _, found, err := silent(t, s.rdb, broken{}, o).Find(token); !found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	o.Policy = worker.Closed
	_, found, err := silent(t, s.rdb, broken{}, o).Find(token)
	if found || !errors.Is(err, revocast.ErrUnknown) {
		t.Errorf("without a lease: found %v, %v", found, err)
	}
}

func TestOptionCacheTTL(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{CacheTTL: time.Nanosecond})
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	keys, err := s.rdb.Keys(t.Context(), "*:s:x:*").Result()
	s.must(err)
	s.must(s.rdb.Del(t.Context(), keys...).Err())
	s.everywhere(token, "")
}

func TestOptionTimeout(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	s := silent(t, rdb, broken{}, scsstore.Options{Timeout: 50 * time.Millisecond})
	if err := rdb.Do(t.Context(), "CLIENT", "PAUSE", "3000", "ALL").Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, _, err := s.Find(numbered(1))
	if took := time.Since(began); !errors.Is(err, revocast.ErrUnknown) || took > 2*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}

func TestOptionIssuer(t *testing.T) {
	const issuer = "https://b.example"
	s := newSite(t, 2, scsstore.Options{Issuer: issuer})
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	s.put(1, token, "two") // its invalidation must reach the issuer's session
	s.everywhere(token, "two")
	for _, c := range []struct{ issuer, want string }{{"", "two"}, {issuer, ""}} {
		_, err := s.publisher.Revoke(t.Context(), revocast.Revocation{
			Scope: revocast.ScopeSession, ID: scsstore.SessionID(token), Issuer: c.issuer,
		})
		s.must(err)
		s.everywhere(token, c.want)
	}
	token = s.put(0, "", "three")
	s.everywhere(token, "three")
	s.must(s.stores[1].Delete(token))
	s.everywhere(token, "")
}

// jsonCodec is another codec than scs' own.
type jsonCodec struct{}

type encoded struct {
	Deadline time.Time
	Values   map[string]any
}

func (jsonCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(encoded{deadline, values})
}

func (jsonCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var e encoded
	err := json.Unmarshal(b, &e)
	return e.Deadline, e.Values, err
}

var _ scs.Codec = jsonCodec{}

func TestOptionCodec(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{Codec: jsonCodec{}, Principal: func(values map[string]any) string {
		user, _ := values["v"].(string)
		return user
	}})
	s.managers[0].Codec = jsonCodec{}
	token := s.put(0, "", "alice")
	s.everywhere(token, "alice")
	_, err := s.publisher.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	s.must(err)
	s.everywhere(token, "")
}
