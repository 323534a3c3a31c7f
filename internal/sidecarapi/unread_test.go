package sidecarapi_test

import (
	"net/http"
	"testing"

	"github.com/revocast/revocast/internal/sidecarapi"
	"github.com/revocast/revocast/internal/unread/unreadtest"
)

// TestAnnouncedBody: no path waits for a body that it does not need. Gateways pass on a request's
// Content-Length without its body.
func TestAnnouncedBody(t *testing.T) {
	addr := unreadtest.Serve(t, newHandler(t, sidecarapi.Options{}))
	cases := map[string]struct {
		request string
		status  int
	}{
		"allowed":             {"POST /check HTTP/1.1\nAuthorization: Bearer good\n", 200},
		"allowed, GET":        {"GET /check HTTP/1.1\nAuthorization: Bearer good\n", 200},
		"allowed, appended":   {"PUT /check/orders/7 HTTP/1.1\nAuthorization: Bearer good\n", 200},
		"allowed, HTTP/1.0":   {"POST /check HTTP/1.0\nAuthorization: Bearer good\n", 200},
		"revoked":             {"POST /check HTTP/1.1\nAuthorization: Bearer revoked\n", 401},
		"no token":            {"DELETE /check HTTP/1.1\n", 401},
		"unknown":             {"POST /check HTTP/1.1\nAuthorization: Bearer unknown\n", 503},
		"unknown as 403":      {"POST /check?unknown=403 HTTP/1.1\nAuthorization: Bearer unknown\n", 403},
		"bad policy":          {"POST /check?policy=never HTTP/1.1\nAuthorization: Bearer good\n", 400},
		"panic":               {"POST /check HTTP/1.1\nAuthorization: Bearer panic\n", 500},
		"healthz":             {"GET /healthz HTTP/1.1\n", 200},
		"readyz":              {"GET /readyz HTTP/1.1\n", 200},
		"metrics":             {"GET /metrics HTTP/1.1\n", 200},
		"healthz, wrong":      {"POST /healthz HTTP/1.1\n", 405},
		"verdict, wrong":      {"GET /v1/verdict HTTP/1.1\n", 405},
		"no such path":        {"POST /checks HTTP/1.1\n", 404},
		"verdict, wrong type": {"POST /v1/verdict HTTP/1.1\nContent-Type: text/plain\n", 415},
		"verdict, two types": {
			"POST /v1/verdict HTTP/1.1\nContent-Type: text/plain\nContent-Type: application/json\n", 415,
		},
		"verdict, packed": {
			"POST /v1/verdict HTTP/1.1\nContent-Type: application/json\nContent-Encoding: gzip\n", 415,
		},
		"verdict, far too big": {
			"POST /v1/verdict HTTP/1.1\nContent-Type: application/json\nContent-Length: 1048577\n", 413,
		},
	}
	for name, c := range cases {
		for kind, header := range unreadtest.Announced() {
			if name == "verdict, far too big" {
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

// nginxSubrequest is what nginx sends with auth_request for a POST of a form of 17 bytes,
// over a connection that it keeps (the default since 1.29.7), where the configuration does
// not take Content-Length out.
const nginxSubrequest = "POST /check HTTP/1.1\nHost: 127.0.0.1:8081\nContent-Length: 17\n" +
	"User-Agent: curl/8.14.1\nAccept: */*\nAuthorization: Bearer good\nContent-Type: " +
	"application/x-www-form-urlencoded\n\n"

// TestNginx: nginx's sub-request is answered immediately, and the next one uses a new connection.
// Without a body the connection stays open.
func TestNginx(t *testing.T) {
	addr := unreadtest.Serve(t, newHandler(t, sidecarapi.Options{}))
	for range 3 {
		c := unreadtest.Dial(t, addr)
		c.Send(nginxSubrequest)
		if resp := c.Answer(http.MethodPost); resp.StatusCode != 200 || !resp.Close ||
			resp.Header.Get("X-Revocast-Principal") != "alice" {
			t.Errorf("%s %v", resp.Status, resp.Header)
		}
	}
	c := unreadtest.Dial(t, addr)
	for range 3 {
		c.Send("GET /check HTTP/1.1\nHost: x\nAuthorization: Bearer good\n\n")
		if resp := c.Answer(http.MethodGet); resp.StatusCode != 200 || resp.Close {
			t.Errorf("without a body: %s %v", resp.Status, resp.Header)
		}
	}
}
