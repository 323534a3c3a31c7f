package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revocast/revocast"
)

// TestOneToken: of two access tokens neither is taken, wherever they are.
func TestOneToken(t *testing.T) {
	for name, c := range map[string]struct {
		headers http.Header
		want    string
		err     error
	}{
		"header":              {http.Header{"Authorization": {"bearer a"}}, "a", nil},
		"cookie":              {http.Header{"Cookie": {"__Host-access=a; x=y"}}, "a", nil},
		"cookie beside Basic": {http.Header{"Authorization": {"Basic eDp5"}, "Cookie": {"__Host-access=a"}}, "a", nil},
		"none":                {http.Header{}, "", revocast.ErrMissingToken},
		"both": {
			http.Header{"Authorization": {"Bearer a"}, "Cookie": {"__Host-access=b"}}, "", revocast.ErrMalformed,
		},
		"both, one bad": {
			http.Header{"Authorization": {"Bearer a"}, "Cookie": {`__Host-access=b\`}}, "", revocast.ErrMalformed,
		},
		"two headers": {
			http.Header{"Authorization": {"", "Bearer a"}, "Cookie": {"__Host-access=b"}}, "", revocast.ErrMalformed,
		},
		"two cookies": {
			http.Header{"Cookie": {`__Host-access=a\; __Host-access=b`}}, "", revocast.ErrMalformed,
		},
	} {
		got, err := accessToken(&http.Request{Header: c.headers})
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestOneRefreshToken: the same for refresh tokens, in the cookie and the body.
func TestOneRefreshToken(t *testing.T) {
	const inBody = `{"refresh_token":"b"}`
	for name, c := range map[string]struct {
		cookie, body string
		want         string
		status       int
	}{
		"cookie":              {"__Host-refresh=a", "", "a", 200},
		"cookie, empty body":  {"__Host-refresh=a", "{}", "a", 200},
		"body":                {"", inBody, "b", 200},
		"both":                {"__Host-refresh=a", inBody, "", 400},
		"two cookies":         {"__Host-refresh=a; __Host-refresh=b", "", "", 400},
		"two cookies, bad":    {`__Host-refresh=a\; __Host-refresh=b`, "", "", 400},
		"bad cookie and body": {`__Host-refresh=a\`, inBody, "", 400},
		"twice in the body":   {"", `{"refresh_token":"a","refresh_token":"b"}`, "", 400},
		"twice, another case": {"", `{"refresh_token":"a","Refresh_Token":"b"}`, "", 400},
		"twice, escaped":      {"", `{"refresh_token":"a","\u0072efresh_token":"b"}`, "", 400},
	} {
		r := httptest.NewRequest(http.MethodPost, "/refresh", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		if c.cookie != "" {
			r.Header.Set("Cookie", c.cookie)
		}
		w := httptest.NewRecorder()
		got, fromBody, ok := refreshToken(w, r)
		if got != c.want || ok != (c.status == 200) || w.Code != c.status || ok && fromBody != (c.cookie == "") {
			t.Errorf("%s: %q, %v, %v; %d %s", name, got, fromBody, ok, w.Code, w.Body)
		}
	}
}

// TestNamesOnce looks into every object.
func TestNamesOnce(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"a":1,"b":[{"c":1},{"c":2}],"d":{"a":1}}`: true,
		`{"a":[{"c":1,"C":2}]}`:                     false,
		`{"a":{"b":{"c":1,"c":1}}}`:                 false,
		`[[],{}]`:                                   true,
	} {
		var into any
		if err := decodeStrictly([]byte(text), &into); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
