package publisherapi_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOpenLogoutReadsLittle: a caller without an API token has 8 KiB of body read, with a length or
// without; one with an API token has as much as everywhere.
func TestOpenLogoutReadsLittle(t *testing.T) {
	const limit = 8 << 10
	body := func(size int) string { return strings.Repeat(" ", size-2) + "{}" }
	for _, c := range []struct {
		bearer string
		size   int
		code   int
	}{
		{"good", limit, 200}, {"good", limit + 1, 413}, {"good", 1 << 20, 413}, {apiToken, limit + 1, 400},
	} {
		for _, chunked := range []bool{false, true} {
			h := newHarness(t)
			h.anything = true
			r := httptest.NewRequest("POST", "/v1/logout", strings.NewReader(body(c.size)))
			if chunked {
				r = httptest.NewRequest("POST", "/v1/logout", io.MultiReader(strings.NewReader(body(c.size))))
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+c.bearer)
			w := httptest.NewRecorder()
			if h.handler.ServeHTTP(w, r); w.Code != c.code {
				t.Errorf("%s, %d bytes, chunked %v: %d %s", c.bearer, c.size, chunked, w.Code, w.Body)
			}
		}
	}
}
