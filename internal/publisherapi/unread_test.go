package publisherapi_test

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/unread/unreadtest"
)

// TestAnnouncedBody: a path that needs no body does not wait for one, nor does a refusal for
// which the header is enough.
func TestAnnouncedBody(t *testing.T) {
	const api = "Authorization: Bearer " + apiToken + "\n"
	h := newHarness(t)
	h.tip, h.want = revocast.Position{Epoch: 1, Rev: 7}, revocast.Position{Epoch: 1, Rev: 42}
	addr := unreadtest.Serve(t, h.handler)
	cases := map[string]struct {
		request string
		status  int
	}{
		"healthz":            {"GET /healthz HTTP/1.1\n", 200},
		"readyz":             {"GET /readyz HTTP/1.1\n", 200},
		"receipt":            {"GET /v1/receipts/1-42 HTTP/1.1\n" + api, 200},
		"no such path":       {"POST /v2/revocations HTTP/1.1\n" + api, 404},
		"wrong method":       {"PUT /v1/revocations HTTP/1.1\n" + api, 405},
		"no API token":       {"POST /v1/revocations HTTP/1.1\nContent-Type: application/json\n", 401},
		"wrong API token":    {"POST /v1/revocations HTTP/1.1\nAuthorization: Bearer guess\n", 401},
		"two API tokens":     {"POST /v1/revocations HTTP/1.1\n" + api + api, 401},
		"ban, no token":      {"PUT /v1/bans/alice HTTP/1.1\n", 401},
		"unknown parameter":  {"POST /v1/revocations?wat=2s HTTP/1.1\n" + api, 400},
		"parameter twice":    {"POST /v1/revocations?wait=2s&wait=3s HTTP/1.1\n" + api, 400},
		"parameter twice, %": {"POST /v1/revocations?wait=2s&%77ait=3s HTTP/1.1\n" + api, 400},
		"issuer twice":       {"DELETE /v1/bans/alice?issuer=a&issuer=b HTTP/1.1\n" + api, 400},
		"form":               {"POST /v1/revocations HTTP/1.1\nContent-Type: text/plain\n" + api, 415},
		"two types": {
			"POST /v1/revocations HTTP/1.1\nContent-Type: application/json\nContent-Type: text/plain\n" + api, 415,
		},
		"packed": {
			"POST /v1/revocations HTTP/1.1\nContent-Type: application/json\nContent-Encoding: gzip\n" + api, 415,
		},
		"logout of a form": {"POST /v1/logout HTTP/1.1\nContent-Type: text/plain\n", 415},
		"far too big": {
			"POST /v1/revocations HTTP/1.1\nContent-Type: application/json\nContent-Length: 1048577\n" + api, 413,
		},
	}
	for name, c := range cases {
		for kind, header := range unreadtest.Announced() {
			if name == "far too big" {
				header = ""
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				conn := unreadtest.Dial(t, addr)
				conn.Send(c.request + "Host: x\n" + header + "\n")
				if resp := conn.Answer("POST"); resp.StatusCode != c.status || !resp.Close {
					t.Errorf("%s %v, want %d and the connection closed", resp.Status, resp.Header, c.status)
				}
			})
		}
	}
}

// TestKeptAlive: with its body read, or without one, a connection is used again.
func TestKeptAlive(t *testing.T) {
	h := newHarness(t)
	h.want = revocast.Revocation{Scope: revocast.ScopeAll}
	c := unreadtest.Dial(t, unreadtest.Serve(t, h.handler))
	for range 2 {
		for _, request := range []string{
			"GET /healthz HTTP/1.1\nHost: x\n\n",
			"POST /v1/logout HTTP/1.1\nHost: x\n\n",
			"POST /v1/logout HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n",
			"POST /v1/revocations HTTP/1.1\nHost: x\nAuthorization: Bearer " + apiToken +
				"\nContent-Type: application/json\nContent-Length: 15\n\n{\"scope\":\"all\"}",
			"POST /v1/revocations HTTP/1.1\nHost: x\nAuthorization: Bearer " + apiToken +
				"\nContent-Type: application/json\nTransfer-Encoding: chunked\n\nf\n{\"scope\":\"all\"}\n0\n\n",
		} {
			c.Send(request)
			if resp := c.Answer("POST"); resp.Close || resp.StatusCode >= 500 {
				t.Fatalf("%q: %s %v", request, resp.Status, resp.Header)
			}
		}
	}
}
