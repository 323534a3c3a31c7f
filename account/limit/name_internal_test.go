package limit

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzName: whatever somebody types and wherever they are, the names in Redis have a fixed
// length and an alphabet that ends no key, and the same spelling has the same names.
func FuzzName(f *testing.F) {
	f.Add("ann", "192.0.2.1")
	f.Add(" ANN\x00", "::ffff:192.0.2.1")
	f.Add("\xff;,", "fe80::1%eth0")
	l := &Limiter{realm: "test"}
	if err := l.o.complete(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, identifier, address string) {
		where, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		n, err := l.name(Attempt{ID: "x", Identifier: identifier, Address: where})
		if err != nil {
			return
		}
		for _, text := range []string{n.pair, n.address, n.identifier} {
			if len(text) != 22 || strings.ContainsAny(text, ":;,{} ") {
				t.Errorf("%q at %s is named %q", identifier, address, text)
			}
		}
		again, err := l.name(Attempt{ID: "y", Identifier: l.o.Normalise(identifier), Address: where.Unmap()})
		if err != nil || again != n {
			t.Errorf("%q at %s is %v and %v, %v", identifier, address, n, again, err)
		}
	})
}

func TestPartsDoNotRunTogether(t *testing.T) {
	l := &Limiter{realm: "test"}
	if text(l.hash("pair", "a", "bc")) == text(l.hash("pair", "ab", "c")) {
		t.Error("two pairs are one")
	}
}
