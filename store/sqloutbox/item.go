package sqloutbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revocast/revocast"
)

// Item is one thing to be recorded; [Revoke], [PasswordChanged], [Ban], [Unban] and
// [Invalidate] make one. The zero Item is refused.
type Item struct {
	p   payload
	err error // what was wrong with it already when it was made
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
	i := Item{p: payload{
		Kind: kindRevoke, Scope: r.Scope.String(), ID: r.ID, Issuer: r.Issuer, Except: r.Except,
		Reason: r.Reason, Initiator: r.Initiator,
	}}
	i.p.CutOff = i.milli("cut-off", r.CutOff)
	i.p.Until = i.milli("until", r.Until)
	switch {
	case r.Scope.Outright() && i.p.CutOff != 0:
		i.fail("a %s is dead outright and takes no cut-off", r.Scope)
	case r.Scope.Outright() && r.Except != "":
		i.fail("a %s has no exception", r.Scope)
	case r.CutOff.After(time.Now().Add(ahead)):
		i.fail("the cut-off %s is in the future", r.CutOff.UTC().Format(time.RFC3339))
	}
	return i
}

// PasswordChanged is what [revocast.Publisher.PasswordChanged] does: everything that the
// principal had before ends, but for the session that is to be kept.
func PasswordChanged(c revocast.PasswordChange) Item {
	return Revoke(revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: c.Principal, Issuer: c.Issuer, Except: c.KeepSession,
		Reason: "password-change", Initiator: c.Initiator,
	})
}

// Ban is a ban.
func Ban(b revocast.Ban) Item {
	i := Item{p: payload{Kind: kindBan, ID: b.Principal, Issuer: b.Issuer, Reason: b.Reason, Initiator: b.Initiator}}
	i.p.From = i.milli("from", b.From)
	i.p.Until = i.milli("until", b.Until)
	switch {
	case i.p.Until == 0:
		i.fail("a ban needs an end (until)")
	case i.p.From >= i.p.Until:
		i.fail("the ban ends before it starts")
	}
	return i
}

// Unban lifts the ban on b.Principal; its times are ignored, as [revocast.Publisher.Unban]
// has it.
func Unban(b revocast.Ban) Item {
	return Item{p: payload{Kind: kindUnban, ID: b.Principal, Issuer: b.Issuer, Reason: b.Reason, Initiator: b.Initiator}}
}

// Invalidate makes caches drop what they hold of a session or a principal.
func Invalidate(v revocast.Invalidation) Item {
	i := Item{p: payload{Kind: kindInvalidate, Scope: v.Scope.String(), ID: v.ID, Issuer: v.Issuer}}
	if v.Scope != revocast.ScopeSession && v.Scope != revocast.ScopePrincipal {
		i.fail("invalidate takes scope session or principal")
	}
	return i
}

func (i *Item) fail(format string, args ...any) {
	if i.err == nil {
		i.err = fmt.Errorf("%w: "+format, append([]any{revocast.ErrInvalid}, args...)...)
	}
}

func (i *Item) milli(field string, t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	ms := t.UnixMilli()
	if ms <= 0 || t.UTC().Year() > 9999 {
		i.fail("%s %s is not between 1970 and 9999", field, t.UTC().Format(time.RFC3339))
	}
	return ms
}

// encode checks the item and returns the row's payload. What the publisher would refuse is
// refused here, where the caller can still be told and the transaction be rolled back.
func (i Item) encode() (string, error) {
	if i.err != nil {
		return "", i.err
	}
	if i.p.Kind == "" {
		return "", fmt.Errorf("%w: an item without content", revocast.ErrInvalid)
	}
	if err := i.p.check(); err != nil {
		return "", err
	}
	i.p.Version = version
	text, err := json.Marshal(i.p)
	return string(text), err
}

func (p payload) check() error {
	all := p.Scope == revocast.ScopeAll.String()
	if p.Kind == kindRevoke {
		if _, err := revocast.ParseScope(p.Scope); err != nil {
			return err
		}
		if all && p.ID != "" {
			return fmt.Errorf("%w: scope all takes no id", revocast.ErrInvalid)
		}
		if all && p.Except != "" && p.Issuer == "" {
			return fmt.Errorf("%w: scope all with an exception needs an issuer", revocast.ErrInvalid)
		}
	}
	if p.ID == "" && !all {
		return fmt.Errorf("%w: %s: the id is empty", revocast.ErrInvalid, p.Kind)
	}
	for _, text := range []string{p.ID, p.Issuer, p.Except} {
		if len(text) > revocast.MaxID || !utf8.ValidString(text) {
			return fmt.Errorf("%w: an id, issuer or exception is longer than %d bytes or not valid UTF-8", revocast.ErrInvalid, revocast.MaxID)
		}
	}
	for _, text := range []string{p.Reason, p.Initiator} {
		control := strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f })
		if len(text) > revocast.MaxReason || !utf8.ValidString(text) || control {
			return fmt.Errorf("%w: a reason or initiator is longer than %d bytes, has control characters or is not valid UTF-8", revocast.ErrInvalid, revocast.MaxReason)
		}
	}
	return nil
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
		return payload{}, fmt.Errorf("%w: payload of version %d, this relay knows %d: update the relays first, then what records", revocast.ErrInvalid, p.Version, version)
	}
	return p, nil
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
