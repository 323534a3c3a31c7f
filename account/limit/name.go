package limit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"net/netip"
	"regexp"

	"github.com/revocast/revocast"
)

const (
	maxIdentifier = 1024    // bytes of what somebody typed
	slots         = 1 << 16 // counters for all identifiers there are or could be made up
	networkBits   = 48      // of IPv6: what anybody gets who asks for a network
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// nat64 is where a translator puts the IPv4 addresses of its peers (RFC 6052 §2.1).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// names are what the keys of an attempt end in, and who waits at its network.
type names struct{ pair, address, identifier, slot, network, waiter string }

func (l *Limiter) name(a Attempt) (names, error) {
	switch {
	case !idPattern.MatchString(a.ID):
		return names{}, fmt.Errorf("%w: limit: attempt id %.64q: want 1 to 64 of A-Z a-z 0-9 _ -, as Begin returns it",
			revocast.ErrInvalid, a.ID)
	case len(a.Identifier) > maxIdentifier:
		return names{}, fmt.Errorf("%w: limit: identifier has %d bytes, at most %d are allowed", revocast.ErrInvalid,
			len(a.Identifier), maxIdentifier)
	case !a.Address.IsValid():
		return names{}, fmt.Errorf("%w: limit: an attempt needs an address", revocast.ErrInvalid)
	}
	identifier := l.o.Normalise(a.Identifier)
	if identifier == "" {
		return names{}, fmt.Errorf("%w: limit: an attempt needs an identifier", revocast.ErrInvalid)
	}
	address, wide := network(a.Address, l.o.IPv6Bits), network(a.Address, min(networkBits, l.o.IPv6Bits))
	id := l.hash("identifier", identifier)
	return names{
		pair: text(l.hash("pair", identifier, address)), address: text(l.hash("address", address)),
		identifier: text(id), slot: slot(id),
		network: text(l.hash("address", wide)), waiter: text(l.hash("pair", identifier, wide)),
	}, nil
}

// network is the address as it counts. A zone says which interface of this machine it
// came in by, which is nothing of the peer.
func network(a netip.Addr, bits int) string {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(bits) // bits were checked
	return p.String()
}

// hash is one-way, keyed if there is a key, and includes the length of every part, so that no two
// lists of parts are the same text.
func (l *Limiter) hash(kind string, parts ...string) []byte {
	var h hash.Hash
	if l.o.Key != nil {
		h = hmac.New(sha256.New, l.o.Key)
	} else {
		h = sha256.New()
	}
	for _, p := range append([]string{"limit", l.realm, kind}, parts...) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// slot is the counter of an identifier with this hash.
func slot(sum []byte) string { return fmt.Sprintf("%04x", binary.BigEndian.Uint64(sum[16:])%slots) }

// text keeps 128 bits: short, and no two names will ever share it.
func text(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum[:16]) }
