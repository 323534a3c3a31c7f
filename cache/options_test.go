package cache_test

import (
	"fmt"
	"testing"

	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

func TestOptionEntries(t *testing.T) {
	for _, test := range []struct{ option, put, atLeast, atMost int }{
		{cache.NoEntries, 10, 0, 0},
		{1, 10, 1, 1},
		{100, 1000, 100, 100},
		{5000, 50_000, 5000, 5000},
		{0, cache.DefaultEntries + 30_000, cache.DefaultEntries, cache.DefaultEntries},
	} {
		c := option.Must(cache.New(cache.Options{Entries: test.option}))
		load(c)
		e := token(0, pos(1))
		for i := range test.put {
			c.Put(port.SpaceBearer, fmt.Sprint(i), e, 0)
		}
		if n := c.Status().Entries; n < test.atLeast || n > test.atMost {
			t.Errorf("Entries %d: %d held after %d, want %d to %d", test.option, n, test.put, test.atLeast, test.atMost)
		}
		c.Drop(port.SpaceBearer, "0")
		if c.Get(port.SpaceBearer, "0") != nil {
			t.Errorf("Entries %d: there after Drop", test.option)
		}
	}
}

func TestOptionRevocations(t *testing.T) {
	for _, test := range []struct{ option, fits int }{
		{cache.NoRevocations, 0},
		{1, 1},
		{1000, 1000},
		{0, cache.DefaultRevocations},
	} {
		c := option.Must(cache.New(cache.Options{Entries: cache.NoEntries, Revocations: test.option}))
		load(c)
		for i := range test.fits {
			c.Apply(randomRevoked(i + 1))
		}
		if st := c.Status(); !st.Complete || st.States != test.fits {
			t.Errorf("Revocations %d: %+v at the limit", test.option, st)
		}
		c.Apply(randomRevoked(test.fits + 1))
		if st := c.Stats(); c.Status().Complete || st.Overflowed != 1 {
			t.Errorf("Revocations %d: %+v past the limit", test.option, st)
		}
	}
}
