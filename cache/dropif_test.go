package cache_test

import (
	"fmt"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// TestDropIf: exactly the entries that the caller asks for go, spilled ones included.
func TestDropIf(t *testing.T) {
	c := option.Must(cache.New(cache.Options{Entries: 2000}))
	load(c)
	const n = 1500
	for i := range n {
		s := revocast.Signer{byte(i % 3)}
		e := &port.Entry{Claims: &revocast.Claims{Signer: s}, Expires: 1 << 60, Checked: pos(1)}
		if !c.Put(port.SpaceBearer, fmt.Sprint("t", i), e, 0) {
			t.Fatalf("entry %d was not stored", i)
		}
	}
	c.DropIf(func(e *port.Entry) bool { return e.Claims.Signer == revocast.Signer{1} })
	for i := range n {
		if held := c.Get(port.SpaceBearer, fmt.Sprint("t", i)) != nil; held == (i%3 == 1) {
			t.Errorf("entry %d: held %v", i, held)
		}
	}
	if s := c.Stats(); c.Status().Entries != n-n/3 || s.Dropped != n/3 {
		t.Errorf("%+v", s)
	}
	option.Must(cache.New(cache.Options{Entries: cache.NoEntries})).DropIf(func(*port.Entry) bool { return true })
}
