package revocast_test

import (
	"context"
	"testing"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/revocast/revocast"
)

// BenchmarkHit compares a check that the session cache answers with a bare golang-lru
// Get of the same key.
func BenchmarkHit(b *testing.B) {
	r := newRig(b)
	w := r.worker(revocast.GuardOptions{})
	bearer := r.login("alice").Token
	bare, err := lru.New[string, *revocast.Claims](100_000)
	r.must(err)
	claims, v := w.Check(b.Context(), bearer)
	if !v.OK() {
		b.Fatal(v.Err)
	}
	bare.Add(bearer, claims)
	ctx := context.Background()
	b.Run("bare-lru", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := bare.Get(bearer); !ok {
				b.Fatal("missed")
			}
		}
	})
	b.Run("guard", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, v := w.Check(ctx, bearer); v.Outcome != revocast.Allowed {
				b.Fatal(v.Err)
			}
		}
	})
}
