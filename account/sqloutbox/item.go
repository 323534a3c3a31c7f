package sqloutbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Item is one thing to be recorded; [Revoke], [PasswordChanged], [Ban], [Unban] and
// [Invalidate] make one. The zero Item is refused.
type Item struct {
	p   payload
	err error // what is wrong with it
}

// The kinds of payloads.
const (
	kindRevoke     = "revoke"
	kindBan        = "ban"
	kindUnban      = "unban"
	kindInvalidate = "invalidate"
)

const (
	version = 1
	// ahead is how far in the future a cut-off may lie when it is recorded. The ledger
	// refuses one that is ahead of its clock, and by then nobody is there to be told.
	ahead = 5 * time.Second
)

// payload is what a row holds. Times are Unix milliseconds.
type payload struct {
	Version   int    `json:"v"`
	Kind      string `json:"kind"`
	Scope     string `json:"scope,omitempty"`
	ID        string `json:"id,omitempty"`
	Issuer    string `json:"issuer,omitempty"`
	CutOff    int64  `json:"cut_off,omitempty"`
	From      int64  `json:"from,omitempty"`
	Until     int64  `json:"until,omitempty"`
	Except    string `json:"except,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Initiator string `json:"initiator,omitempty"`
}

// Revoke is a revocation. Without a cut-off it gets one from the ledger's clock when it is
// handed over; see the package's documentation.
func Revoke(r revocast.Revocation) Item {
	err := r.Validate()
	if err == nil && !r.AsOf.IsZero() {
		err = fmt.Errorf("%w: the row says as of when it is; leave AsOf out", revocast.ErrInvalid)
	}
	if err == nil && r.CutOff.After(time.Now().Add(ahead)) {
		err = fmt.Errorf("%w: the cut-off %s is in the future", revocast.ErrInvalid,
			r.CutOff.UTC().Format(time.RFC3339))
	}
	return Item{err: err, p: payload{
		Kind: kindRevoke, Scope: r.Scope.String(), ID: r.ID, Issuer: r.Issuer, CutOff: milli(r.CutOff),
		Until: milli(r.Until), Except: r.Except, Reason: r.Reason, Initiator: r.Initiator,
	}}
}

// PasswordChanged is what [publisher.Publisher.PasswordChanged] does: everything that the
// principal had before ends, but for the session that is to be kept.
func PasswordChanged(c revocast.PasswordChange) Item {
	return Revoke(c.Revocation())
}

// Ban is a ban.
func Ban(b revocast.Ban) Item {
	// A ban of less than a millisecond would be none in the row.
	b.From, b.Until = b.From.Truncate(time.Millisecond), b.Until.Truncate(time.Millisecond)
	return ban(kindBan, b, b.Validate())
}

// Unban lifts the ban on b.Principal; its times are ignored, as [publisher.Publisher.Unban]
// has it.
func Unban(b revocast.Ban) Item {
	b.From, b.Until = time.Time{}, time.Now() // no ban is valid without an end
	err := b.Validate()
	b.Until = time.Time{}
	return ban(kindUnban, b, err)
}

func ban(kind string, b revocast.Ban, err error) Item {
	return Item{err: err, p: payload{
		Kind: kind, ID: b.Principal, Issuer: b.Issuer, From: milli(b.From), Until: milli(b.Until),
		Reason: b.Reason, Initiator: b.Initiator,
	}}
}

// Invalidate makes caches drop what they hold of a session or a principal.
func Invalidate(v revocast.Invalidation) Item {
	return Item{err: v.Validate(), p: payload{
		Kind: kindInvalidate, Scope: v.Scope.String(), ID: v.ID, Issuer: v.Issuer,
	}}
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// encode returns the row's payload. What the publisher would refuse is refused here, where
// the caller can still be told and the transaction be rolled back.
func (i Item) encode() (string, error) {
	if i.err != nil {
		return "", i.err
	}
	if i.p.Kind == "" {
		return "", fmt.Errorf("%w: an item without content", revocast.ErrInvalid)
	}
	i.p.Version = version
	text, err := json.Marshal(i.p)
	return string(text), err
}

// decode is the inverse of encode. A field it does not know could have changed the meaning
// of the others, so it is refused.
func decode(text string) (payload, error) {
	var p payload
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return payload{}, fmt.Errorf("%w: payload: %w", revocast.ErrInvalid, err)
	}
	if p.Version != version {
		return payload{}, fmt.Errorf("%w: payload of version %d, this relay knows %d: update the relays first, then "+
			"what records", revocast.ErrInvalid, p.Version, version)
	}
	return p, nil
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
