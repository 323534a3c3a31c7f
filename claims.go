package revocast

import "time"

// Claims are the verified claims of one token, or the data of one opaque session, limited to what a
// revocation can name. An empty string means the token does not say. Treat a *Claims handed out by
// the [Guard] as read-only: it is shared by every request that bears the same token.
type Claims struct {
	Issuer    string // iss
	Principal string // sub
	Session   string // sid
	TokenID   string // jti
	Client    string // client_id, azp
	Tenant    string
	KeyID     string // name of the key that signed the token: its kid, else a thumbprint

	// KeyIssuer is the issuer that the key belongs to. A revocation of the key names that issuer.
	// Empty: Issuer. They differ where several issuers share one key set.
	KeyIssuer string
	// Signer identifies the key itself, so that the tokens it signed can be found when it is no
	// longer in force. Zero: no signature was verified here.
	Signer Signer

	IssuedAt time.Time // iat, with its fraction of a second if it has one
	AuthTime time.Time // auth_time: when the session started
	Expires  time.Time // exp

	// AcceptUntil is the instant from which the token is refused as expired: exp
	// plus the verifier's leeway, which is at most [MaxLeeway]. Zero means the same as Expires.
	AcceptUntil time.Time

	// Extra holds the other claims, or the opaque session's data.
	Extra map[string]any
}

// Signer identifies a key by its issuer, its name and its material. A key that replaces another
// under the same name is a different key. It never leaves the process.
type Signer [16]byte

// Issued is the instant that cut-offs are compared with, in Unix milliseconds rounded down: the
// session's start where the token tells it, else when the token was issued. If the token tells
// both, the earlier counts: a refreshed token must not outrun the cut-off. Zero means that the
// token tells neither, and every cut-off covers it.
func (c *Claims) Issued() int64 {
	switch {
	case c.AuthTime.IsZero() && c.IssuedAt.IsZero():
		return 0
	case c.AuthTime.IsZero():
		return c.IssuedAt.UnixMilli()
	case c.IssuedAt.IsZero():
		return c.AuthTime.UnixMilli()
	}
	return min(c.AuthTime.UnixMilli(), c.IssuedAt.UnixMilli())
}

// End is the instant from which the claims are refused as expired; zero: never. It is at most
// [MaxLeeway] past Expires, whatever AcceptUntil says, because a revocation is kept no longer.
func (c *Claims) End() time.Time {
	switch {
	case c.AcceptUntil.IsZero():
		return c.Expires
	case !c.Expires.IsZero() && c.AcceptUntil.Sub(c.Expires) > MaxLeeway:
		return c.Expires.Add(MaxLeeway)
	}
	return c.AcceptUntil
}

// NumKeys is one key per scope and a second one for all: the whole realm.
const NumKeys = NumScopes + 1

// Keys are the keys of every revocation that can cover one token, made once when
// the token is verified. The zero value names nothing.
type Keys struct {
	slots [NumKeys]Key
	set   uint8
}

// KeysOf computes the keys of c in a realm. A claim that c lacks has no key.
func KeysOf(realm string, c *Claims) Keys {
	var k Keys
	k.add(0, ScopeToken, realm, c.Issuer, c.TokenID)
	k.add(1, ScopeSession, realm, c.Issuer, c.Session)
	k.add(2, ScopePrincipal, realm, c.Issuer, c.Principal)
	k.add(3, ScopeClient, realm, c.Issuer, c.Client)
	k.add(4, ScopeTenant, realm, c.Issuer, c.Tenant)
	k.add(5, ScopeKey, realm, c.keyIssuer(), c.KeyID)
	k.put(6, KeyOf(realm, ScopeAll, "", ""))
	if c.Issuer != "" {
		k.put(7, KeyOf(realm, ScopeAll, c.Issuer, ""))
	}
	return k
}

func (c *Claims) keyIssuer() string {
	if c.KeyIssuer == "" {
		return c.Issuer
	}
	return c.KeyIssuer
}

func (k *Keys) add(slot int, scope Scope, realm, issuer, id string) {
	if id != "" {
		k.put(slot, KeyOf(realm, scope, issuer, id))
	}
}

func (k *Keys) put(slot int, key Key) {
	k.slots[slot] = key
	k.set |= 1 << slot
}

// Slots is how many slots [Keys.At] has.
func (k *Keys) Slots() int { return NumKeys }

// At returns the key in a slot and its scope; the scope is zero where the token
// lacks the claim. Slots run from the narrowest scope to the widest.
func (k *Keys) At(slot int) (Key, Scope) {
	if k.set&(1<<slot) == 0 {
		return Key{}, 0
	}
	return k.slots[slot], min(Scope(slot+1), ScopeAll)
}

// Session returns the key of the token's session, zero if it has none.
func (k *Keys) Session() Key { return k.slots[1] }

// Has reports whether one of the keys is key.
func (k *Keys) Has(key Key) bool {
	for i := range k.slots {
		if k.set&(1<<i) != 0 && k.slots[i] == key {
			return true
		}
	}
	return false
}

// Map replaces each key that is set by f of it.
func (k *Keys) Map(f func(Key) Key) {
	for i := range k.slots {
		if k.set&(1<<i) != 0 {
			k.slots[i] = f(k.slots[i])
		}
	}
}

// Append appends the keys that are set to dst, narrowest scope first.
func (k *Keys) Append(dst []Key) []Key {
	for i := range k.slots {
		if k.set&(1<<i) != 0 {
			dst = append(dst, k.slots[i])
		}
	}
	return dst
}
