package apitypes

import (
	"github.com/revocast/revocast/publisher"
)

// Bans is one page of GET /v1/bans.
type Bans struct {
	Bans []Banned `json:"bans"`
	Next string   `json:"next,omitempty"` // cursor of the next page; absent: this is the last
}

// Banned is one ban. The stores hold no names: Key is what GET
// /v1/revocations/principal/{id} shows for a name that one has.
type Banned struct {
	Key string `json:"key"`
	Bar
}

// NewBanned puts a ban into JSON's terms.
func NewBanned(b publisher.BannedKey) Banned {
	return Banned{Key: b.Key.String(), Bar: Bar{From: Millis(b.Ban.From), Until: Millis(b.Ban.Until), Position: b.Ban.At.String()}}
}
