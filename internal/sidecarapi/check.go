package sidecarapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/problem"
)

// The headers of an allowed request.
const (
	headerPrincipal = "X-Revocast-Principal"
	headerSession   = "X-Revocast-Session"
	headerIssuer    = "X-Revocast-Issuer"
	headerTenant    = "X-Revocast-Tenant"
	headerPosition  = "X-Revocast-Position"
)

// check runs once for every request of the service, so the parts that its answers share are built
// beforehand.
func (h *Handler) check(w http.ResponseWriter, r *http.Request) {
	bearer, err := h.bearer(r)
	if err != nil {
		h.answers.refused(err).write(w)
		return
	}
	guard, err := h.guards.of(r)
	if err != nil {
		problem.Write(w, problem.From(err))
		return
	}
	claims, v := guard.Check(r.Context(), bearer)
	switch {
	case v.Outcome == revocast.Allowed && claims != nil:
		h.allow(w, claims, v.Position)
	case v.Outcome == revocast.Revoked:
		h.answers.revoked.write(w)
	case v.Outcome == revocast.Invalid:
		h.answers.refused(v.Err).write(w)
	case r.URL.RawQuery != "" && r.URL.Query().Get("unknown") == "403":
		h.answers.unknown403.write(w)
	default:
		h.answers.unknown.write(w)
	}
}

// allow always sends all five headers, empty where the token has no such claim: gateways copy
// them over the client's headers, and a missing header would leave a forged one in place.
func (h *Handler) allow(w http.ResponseWriter, c *revocast.Claims, at revocast.Position) {
	header := w.Header()
	values := [5]string{
		headerSafe(c.Principal), headerSafe(c.Session), position(at), headerSafe(c.Issuer), headerSafe(c.Tenant),
	}
	backing := values[:]
	header[headerPrincipal] = backing[0:1:1]
	header[headerSession] = backing[1:2:2]
	header[headerPosition] = backing[2:3:3]
	header[headerIssuer] = backing[3:4:4]
	header[headerTenant] = backing[4:5:5]
	header["Cache-Control"] = h.answers.noStore
	w.WriteHeader(http.StatusOK)
}

func position(p revocast.Position) string {
	var stack [41]byte
	b := strconv.AppendUint(stack[:0], p.Epoch, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, p.Rev, 10))
}

// headerSafe percent-encodes (RFC 3986 §2.1) what is not visible ASCII, and the
// percent sign, so that decoding always gives back the value.
func headerSafe(value string) string {
	for i := range len(value) {
		if !plain(value[i]) {
			return encode(value)
		}
	}
	return value
}

func plain(c byte) bool { return c > ' ' && c <= '~' && c != '%' }

func encode(value string) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 3*len(value))
	for i := range len(value) {
		if c := value[i]; plain(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}

// answers are the refusals. They are the same every time.
type answers struct {
	noStore                                        []string
	missing, invalid, revoked, unknown, unknown403 *answer
}

func newAnswers() answers {
	const challenge = `Bearer error="invalid_token"`
	refused := "The token is not accepted"
	unknown := "It could not be established whether the token is revoked"
	return answers{
		noStore: []string{"no-store"},
		// RFC 6750 §3.1: no error code for a request without any token.
		missing:    newAnswer(http.StatusUnauthorized, "missing-token", "No token", "WWW-Authenticate", "Bearer"),
		invalid:    newAnswer(http.StatusUnauthorized, "invalid", refused, "WWW-Authenticate", challenge),
		revoked:    newAnswer(http.StatusUnauthorized, "revoked", refused, "WWW-Authenticate", challenge),
		unknown:    newAnswer(http.StatusServiceUnavailable, "revocation-unknown", unknown, "Retry-After", "1"),
		unknown403: newAnswer(http.StatusForbidden, "revocation-unknown", unknown, "Retry-After", "1"),
	}
}

func (a *answers) refused(err error) *answer {
	if errors.Is(err, revocast.ErrMissingToken) {
		return a.missing
	}
	return a.invalid
}

// answer is one refusal: its status, its headers and its body.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func newAnswer(status int, slug, title, name, value string) *answer {
	var body bytes.Buffer
	// the map is filled without [http.Header.Set]
	name = http.CanonicalHeaderKey(name)
	_ = json.NewEncoder(&body).Encode(problem.New(status, slug, title, "")) // strings and a number
	return &answer{status: status, body: body.Bytes(), header: http.Header{
		name:             {value},
		"Cache-Control":  {"no-store"},
		"Content-Type":   {problem.ContentType},
		"Content-Length": {strconv.Itoa(body.Len())},
	}}
}

// write sends the answer. net/http only reads a header's values, so requests may share them.
func (a *answer) write(w http.ResponseWriter) {
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone is told nothing
}
