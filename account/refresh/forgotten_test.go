package refresh_test

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

// TestForgottenByTheEnd: Redis and the index keep a family as long as its latest token lasts, and
// never longer than the family.
func TestForgottenByTheEnd(t *testing.T) {
	r := embedded(t, refresh.Options{})
	index := "{rv:test}:a:r:i:" + revocast.KeyOf("test", revocast.ScopePrincipal, issuer, "alice").String()
	token := r.login("alice")
	for n := range 29 {
		r.advance(day)
		token = r.rotate(token.Text)
		score, err := r.rdb.ZScore(r.ctx, index, token.ID).Result()
		r.must(err)
		if at := int64(score); at < token.Expires.UnixMilli() || at > token.Ends.UnixMilli() {
			t.Fatalf("day %d: forgotten %d ms before the token expires, %d ms before the family ends", n,
				token.Expires.UnixMilli()-at, token.Ends.UnixMilli()-at)
		}
	}
	if !token.Expires.Equal(token.Ends) {
		t.Errorf("the last token expires %s before the family ends", token.Ends.Sub(token.Expires))
	}
}
