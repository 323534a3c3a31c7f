package publisherapi_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/publisherapi"
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

// TestLogoutOfAnOldToken: one that was issued longer ago than any token lives, and the margin, has nothing
// to end, unless somebody with an API token says so.
func TestLogoutOfAnOldToken(t *testing.T) {
	h := newHarness(t)
	h.anything = true
	open := func(bearer string) *httptest.ResponseRecorder {
		return h.do("POST", "/v1/logout", ``, "Authorization", "Bearer "+bearer)
	}
	if w := open("old"); w.Code != 200 {
		t.Errorf("just within: %d %s", w.Code, w.Body)
	}
	before := h.calls
	checkProblem(t, open("older"), 401, "expired")
	if h.calls != before {
		t.Error("it was ended")
	}
	if w := h.do("POST", "/v1/logout", `{"token":"older"}`); w.Code != 200 {
		t.Errorf("with an API token: %d %s", w.Code, w.Body)
	}
}

// TestLogoutsAreLimited: ten times as many wrong tokens as wrong API tokens, by address. Right ones count
// for nothing.
func TestLogoutsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.Refusals = 1 })
		h.anything = true
		ask := func(addr, bearer string) int {
			r := httptest.NewRequest("POST", "/v1/logout", nil)
			r.RemoteAddr = addr
			r.Header.Set("Authorization", "Bearer "+bearer)
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, r)
			return w.Code
		}
		for i := range 10 {
			if ask("192.0.2.1:1", "good") != 200 || ask("192.0.2.1:1", "wrong") != 401 {
				t.Fatal("try", i)
			}
		}
		if got := ask("192.0.2.1:1", "good"); got != 429 {
			t.Errorf("after ten wrong ones: %d", got)
		}
		if got := ask("192.0.2.2:1", "good"); got != 200 {
			t.Errorf("another address: %d", got)
		}
		<-time.After(time.Second)
		if got := ask("192.0.2.1:1", "good"); got != 200 {
			t.Errorf("a second later: %d", got)
		}
		for range 20 {
			if got := ask("192.0.2.3:1", "keyless"); got != 503 {
				t.Fatalf("while there are no keys: %d", got)
			}
		}
	})
}

// TestAddressesAreForCallersThatAreKnown: nobody else learns where the stores are.
func TestAddressesAreForCallersThatAreKnown(t *testing.T) {
	down := fmt.Errorf("%w: dial tcp 10.1.2.3:6379: refused", revocast.ErrUnavailable)
	h := newHarness(t, func(d *publisherapi.Deps, _ *publisherapi.Options) {
		d.Ready = func() error { return down }
	})
	h.anything, h.err = true, down
	for target, c := range map[string]struct{ method, bearer string }{
		"/readyz": {"GET", ""}, "/v1/logout": {"POST", "good"},
	} {
		header := "Bearer " + c.bearer
		if c.bearer == "" {
			header = ""
		}
		w := h.do(c.method, target, ``, "Authorization", header)
		text := w.Body.String()
		if w.Code != 503 || strings.Contains(text, "10.1.2.3") || !strings.Contains(text, "refused") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for target, method := range map[string]string{"/readyz": "GET", "/v1/workers": "GET"} {
		if w := h.do(method, target, ``); w.Code != 503 || !strings.Contains(w.Body.String(), "10.1.2.3:6379") {
			t.Errorf("%s with an API token: %d %s", target, w.Code, w.Body)
		}
	}
}
