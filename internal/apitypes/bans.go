package apitypes

import "github.com/revocast/revocast"

// Bans is one page of GET /v1/bans.
type Bans struct {
	Bans []Banned `json:"bans"`
	Next string   `json:"next,omitempty"` // cursor of the next page; absent: this is the last
}

// Banned is one ban. The stores hold no names: GET /v1/revocations/principal/{id} shows the Key
// of a known name. Callers that may operate get the Name too where it was sealed.
type Banned struct {
	Key  string `json:"key"`
	Name *Name  `json:"name,omitempty"`
	Bar
}

// Bar is a ban as a [Standing] and a [Banned] show it.
type Bar struct {
	From     Time   `json:"from,omitzero"`
	Until    Time   `json:"until"`
	Position string `json:"position"`
}

// NewBanned puts a ban into JSON's terms.
func NewBanned(key revocast.Key, b revocast.BanState) Banned {
	return Banned{Key: key.String(), Bar: newBar(b)}
}

// Domain is the inverse of [NewBanned].
func (b Banned) Domain() (revocast.Key, revocast.BanState, error) {
	key, err := revocast.ParseKey(b.Key)
	if err != nil {
		return key, revocast.BanState{}, err
	}
	ban, err := b.Bar.domain()
	return key, ban, err
}

func newBar(b revocast.BanState) Bar {
	return Bar{From: Millis(b.From), Until: Millis(b.Until), Position: b.At.String()}
}

func (b Bar) domain() (revocast.BanState, error) {
	at, err := revocast.ParsePosition(b.Position)
	return revocast.BanState{From: b.From.millis(), Until: b.Until.millis(), At: at}, err
}
