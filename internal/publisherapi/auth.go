package publisherapi

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/problem"
)

// Tokens are the API tokens that are accepted, as hashes. The zero value accepts none. They are
// immutable.
type Tokens struct{ list []apiToken }

type apiToken struct {
	name string // for the log; empty: none given
	hash [sha256.Size]byte
}

// LoadTokens reads a file as [ParseTokens] does.
func LoadTokens(path string) (*Tokens, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: API tokens: %w", revocast.ErrInvalid, err)
	}
	defer f.Close()
	t, err := ParseTokens(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// ParseTokens reads API tokens, one a line, as name:token or as the token alone, which then holds
// no colon. Lines that are empty or start with # are skipped. A token is visible ASCII. A file
// without tokens is an error, and so is a name that appears twice. A token that appears twice is
// an error too: removing one of its lines would not withdraw it.
func ParseTokens(r io.Reader) (*Tokens, error) {
	t := &Tokens{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		if err := t.add(splitToken(line)); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: API tokens: %w", revocast.ErrInvalid, err)
	}
	if len(t.list) == 0 {
		return nil, fmt.Errorf("%w: there is no API token", revocast.ErrInvalid)
	}
	return t, nil
}

// OneToken returns Tokens that accept a single token, the operator's.
func OneToken(token string) (*Tokens, error) {
	t := &Tokens{}
	return t, t.add("operator", token)
}

func splitToken(line string) (name, token string) {
	name, token, found := strings.Cut(line, ":")
	if !found {
		return "", line
	}
	return strings.TrimSpace(name), strings.TrimSpace(token)
}

// add never puts a token into an error, because start-up errors end in logs.
func (t *Tokens) add(name, token string) error {
	if token == "" {
		return fmt.Errorf("%w: an API token is empty", revocast.ErrInvalid)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: an API token holds something other than visible ASCII and could not be sent",
			revocast.ErrInvalid)
	}
	hash := sha256.Sum256([]byte(token))
	for _, other := range t.list {
		if name != "" && other.name == name {
			return fmt.Errorf("%w: two API tokens have the name %q", revocast.ErrInvalid, name)
		}
		if other.hash == hash {
			return fmt.Errorf("%w: an API token is there twice", revocast.ErrInvalid)
		}
	}
	t.list = append(t.list, apiToken{name, hash})
	return nil
}

// Match reports whether token is one of them, and its name. The time that it takes reveals
// neither how much of a token was right nor which token it was.
func (t *Tokens) Match(token string) (name string, ok bool) {
	if t == nil || token == "" {
		return "", false
	}
	hash := sha256.Sum256([]byte(token))
	for i := range t.list {
		if subtle.ConstantTimeCompare(hash[:], t.list[i].hash[:]) == 1 {
			name, ok = t.list[i].name, true // no early return: the time would tell which
		}
	}
	return name, ok
}

// admit reports whether the request is authorised to use the API; if not, it has answered.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request) bool {
	if h.o.Insecure || r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return true
	}
	bearer, err := bearerOf(r)
	if err == nil {
		if _, ok := h.o.Tokens.Match(bearer); ok {
			return true
		}
	}
	h.challenge(w, bearer != "" || err != nil)
	return false
}

// challenge asks for an API token. RFC 6750 §3.1: a request without any
// authentication gets no error code.
func (h *Handler) challenge(w http.ResponseWriter, wrong bool) {
	challenge, detail := `Bearer realm="revocast"`, "this path needs an API token"
	if wrong {
		challenge += `, error="invalid_token"`
		detail = "the Authorization header holds no API token that is accepted here"
	}
	w.Header().Set("WWW-Authenticate", challenge)
	problem.Write(w, problem.New(http.StatusUnauthorized, "unauthenticated", "Not authenticated", detail).
		WithHint(
			"send `Authorization: Bearer …` with a token of the file that --api-tokens names, or REVOCAST_API_TOKEN's",
		))
}

// bearerOf returns the bearer in the Authorization header (RFC 6750 §2.1); the
// empty string if there is no such header.
func bearerOf(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", fmt.Errorf("%w: more than one Authorization header", revocast.ErrMalformed)
	}
	scheme, bearer, _ := strings.Cut(values[0], " ")
	bearer = strings.Trim(bearer, " ")
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" || strings.ContainsAny(bearer, " \t,") {
		return "", fmt.Errorf("%w: the Authorization header is not `Bearer` and a token", revocast.ErrMalformed)
	}
	return bearer, nil
}
