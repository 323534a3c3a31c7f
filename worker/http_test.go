package worker_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/worker"
)

// TestRefusalWaitsForNoBody: net/http reads an announced body before it answers unless
// the connection is closed after the answer.
func TestRefusalWaitsForNoBody(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		good := "Bearer " + fleettest.Login("alice")
		handler := x.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		for name, c := range map[string]struct {
			authorization, body string
			version             int
			close               bool
		}{
			"none, with a body":        {"", "body", 1, true},
			"garbage, with a body":     {"Bearer garbage", "body", 1, true},
			"none, with a body, h2":    {"", "body", 2, false},
			"none, without a body":     {"", "", 1, false},
			"garbage, without a body":  {"Bearer garbage", "", 1, false},
			"allowed, with a body":     {good, "body", 1, false},
			"none, in chunks":          {"", "chunks", 1, true},
			"none, in chunks, over h2": {"", "chunks", 2, false},
		} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			if c.body == "chunks" {
				r.ContentLength = -1
			}
			r.ProtoMajor = c.version
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			if got := rec.Header().Get("Connection") == "close"; got != c.close {
				t.Errorf("%s: %d, closes %v, want %v", name, rec.Code, got, c.close)
			}
		}
	})
}

// TestBearerFromHeader: one token in one header, or none.
func TestBearerFromHeader(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		want    string
		err     error
	}{
		"none":                {nil, "", revocast.ErrMissingToken},
		"empty":               {[]string{""}, "", revocast.ErrMissingToken},
		"scheme alone":        {[]string{"Bearer"}, "", revocast.ErrMissingToken},
		"scheme and blanks":   {[]string{"Bearer   "}, "", revocast.ErrMissingToken},
		"another scheme":      {[]string{"Basic eDp5"}, "", revocast.ErrMissingToken},
		"token alone":         {[]string{"a.b.c"}, "", revocast.ErrMissingToken},
		"plain":               {[]string{"Bearer a.b-c_d~e+f/g="}, "a.b-c_d~e+f/g=", nil},
		"small":               {[]string{"bearer t"}, "t", nil},
		"capitals":            {[]string{"BEARER t"}, "t", nil},
		"blanks between":      {[]string{"Bearer   t"}, "t", nil},
		"opaque":              {[]string{"Bearer 17|secret:x"}, "17|secret:x", nil},
		"two headers":         {[]string{"Bearer a", "Bearer b"}, "", revocast.ErrMalformed},
		"two headers, alike":  {[]string{"Bearer a", "Bearer a"}, "", revocast.ErrMalformed},
		"two headers, schema": {[]string{"Basic a", "Bearer b"}, "", revocast.ErrMalformed},
		"two headers, empty":  {[]string{"", "Bearer b"}, "", revocast.ErrMalformed},
		"joined":              {[]string{"Bearer a, Bearer b"}, "", revocast.ErrMalformed},
		"joined, no blank":    {[]string{"Bearer a,Bearer"}, "", revocast.ErrMalformed},
		"joined after another": {
			[]string{"Basic eDp5, Bearer b"}, "", revocast.ErrMissingToken,
		},
		"two tokens":   {[]string{"Bearer a b"}, "", revocast.ErrMalformed},
		"tab":          {[]string{"Bearer a\tb"}, "", revocast.ErrMalformed},
		"semicolon":    {[]string{"Bearer a;b"}, "", revocast.ErrMalformed},
		"quotes":       {[]string{`Bearer "a"`}, "", revocast.ErrMalformed},
		"backslash":    {[]string{`Bearer a\b`}, "", revocast.ErrMalformed},
		"not ASCII":    {[]string{"Bearer a\u00a0b"}, "", revocast.ErrMalformed},
		"control":      {[]string{"Bearer a\x7f"}, "", revocast.ErrMalformed},
		"line folding": {[]string{"Bearer a Bearer b"}, "", revocast.ErrMalformed},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Authorization"] = c.headers
		got, err := worker.BearerFromHeader(r)
		if got != c.want || err != c.err {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, c.want, c.err)
		}
	}
}
