package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/revocast/revocast"
)

// keyring is the keys of one issuer, or of several that share them.
type keyring struct {
	source KeySource
	issuer string // whose keys they are; empty: the issuer's that a token names

	// mu makes readings of the source follow one another.
	mu      sync.Mutex
	signers atomic.Pointer[signers]
}

// signers are the keys in force that claims may have been verified with.
type signers struct {
	set *KeySet
	of  map[revocast.Signer]struct{}
}

func (r *keyring) signer(k *Key) revocast.Signer {
	sum := sha256.Sum256(append(k.print[:], r.issuer...))
	return revocast.Signer(sum[:len(revocast.Signer{})])
}

func (r *keyring) holds(s revocast.Signer) bool {
	known := r.signers.Load()
	if known == nil {
		return false
	}
	_, held := known.of[s]
	return held
}

// current is the set in force; nil: it is not known.
func (r *keyring) current() *KeySet {
	if s, ok := r.source.(*Source); ok {
		return s.inForce()
	}
	set, err := r.source.Keys()
	if err != nil {
		return nil
	}
	return set
}

// notice takes up what the source holds now, and reports whether a key has left.
func (r *keyring) notice() (lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set, before := r.current(), r.signers.Load()
	if set == nil || before != nil && before.set == set {
		return false
	}
	now := &signers{set: set, of: make(map[revocast.Signer]struct{}, len(set.keys))}
	for i := range set.keys {
		now.of[r.signer(&set.keys[i])] = struct{}{}
	}
	r.signers.Store(now)
	if before == nil {
		return false
	}
	for s := range before.of {
		if _, stays := now.of[s]; !stays {
			return true
		}
	}
	return false
}

// noticed reports whether notice has taken up set.
func (r *keyring) noticed(set *KeySet) bool {
	known := r.signers.Load()
	return known != nil && known.set == set
}
