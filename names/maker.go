package names

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Maker makes the keys that the stores hold. It is safe for concurrent use.
type Maker struct {
	realm  string
	naming port.Naming
	macs   []*mac // one for each secret, in order
}

// mac applies one secret.
type mac struct{ pool sync.Pool }

func newMAC(secret []byte) *mac {
	return &mac{pool: sync.Pool{New: func() any { return &state{hash: hmac.New(sha256.New, secret)} }}}
}

// state is what one key is computed with, all in one piece so that no key costs an allocation.
type state struct {
	hash hash.Hash
	in   revocast.Key
	sum  [sha256.Size]byte
}

func (m *mac) of(key revocast.Key) revocast.Key {
	s := m.pool.Get().(*state)
	defer m.pool.Put(s)
	s.hash.Reset()
	s.in = key
	s.hash.Write(s.in[:])
	return revocast.Key(s.hash.Sum(s.sum[:0])[:len(key)])
}

// Naming identifies the secrets that the keys are made with.
func (m *Maker) Naming() port.Naming { return m.naming }

// Key makes a key from one that was made with the first from secrets; 0: from a plain one.
func (m *Maker) Key(key revocast.Key, from uint8) revocast.Key {
	if key.IsZero() {
		return key
	}
	for _, mac := range m.macs[min(int(from), len(m.macs)):] {
		key = mac.of(key)
	}
	return key
}

// KeysOf makes the keys of claims, as [revocast.KeysOf] does.
func (m *Maker) KeysOf(c *revocast.Claims) revocast.Keys {
	keys := revocast.KeysOf(m.realm, c)
	if len(m.macs) > 0 {
		keys.Map(m.plain)
	}
	return keys
}

func (m *Maker) plain(key revocast.Key) revocast.Key { return m.Key(key, 0) }

// IssuerKey makes the key of an issuer, as [revocast.IssuerKey] does.
func (m *Maker) IssuerKey(issuer string) revocast.Key {
	return m.Key(revocast.IssuerKey(m.realm, issuer), 0)
}

// Event returns e with keys that are made with all of the secrets. An event that has more of them already
// is returned as it is.
func (m *Maker) Event(e revocast.Event) revocast.Event {
	if from := e.Names; int(from) < len(m.macs) {
		e.Key, e.Except = m.Key(e.Key, from), m.Key(e.Except, from)
		e.Reckoned.Issuer = m.Key(e.Reckoned.Issuer, from)
		e.Names = m.naming.Secrets
	}
	return e
}
