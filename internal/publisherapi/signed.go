package publisherapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
)

// scopePrefix stands before a right in the scopes of a JWT (RFC 6749 §3.3).
const scopePrefix = "revocast:"

// signed is the caller with a JWT that the operators' issuer has made for this service. Its rights are its
// scopes; one without any may do nothing. It fails with [revocast.ErrUnknown] while there are no keys.
func (h *Handler) signed(ctx context.Context, bearer string) (caller, bool, error) {
	if h.o.Signed == nil || strings.Count(bearer, ".") != 2 {
		return caller{}, false, nil
	}
	claims, err := h.o.Signed.Verify(ctx, bearer)
	switch {
	case errors.Is(err, revocast.ErrUnknown):
		return caller{}, false, err
	case err != nil:
		return caller{}, false, nil
	}
	who := claims.Principal
	if who == "" {
		who = claims.Client
	}
	end := claims.End()
	return caller{
		id: "issuer " + claims.Issuer + " subject " + who, name: who,
		grant: &apitoken.Grant{Rights: rightsOf(claims)},
		still: func() bool { return end.IsZero() || time.Now().Before(end) },
	}, true, nil
}

// rightsOf reads the claim scope, words with spaces between (RFC 8693 §4.2), or scp, a list of them.
func rightsOf(c *revocast.Claims) (rights apitoken.Right) {
	text, _ := c.Extra["scope"].(string)
	words := strings.Fields(text)
	if list, ok := c.Extra["scp"].([]any); ok {
		for _, word := range list {
			text, _ := word.(string)
			words = append(words, text)
		}
	}
	for _, word := range words {
		name, ours := strings.CutPrefix(word, scopePrefix)
		if right, known := apitoken.ParseRight(name); ours && known {
			rights |= right
		}
	}
	return rights
}
