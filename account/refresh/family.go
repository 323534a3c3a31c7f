package refresh

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
)

// Family is all refresh tokens of one login. Instants are Redis', in milliseconds.
type Family struct {
	ID        string // names the family; not a secret
	Principal string
	Session   string // sid of its access tokens
	Tenant    string
	Client    string
	Scope     string
	Data      map[string]string // the caller's own

	AuthTime time.Time // when the principal logged in
	Issued   time.Time // when the family was started; rotating does not change it
	Rotated  time.Time // when the latest token was made
	Expires  time.Time // when the latest token is too old, unless it is rotated before
	Ends     time.Time // when the family is over, whatever happens
	Number   uint32    // how often it was rotated
}

// Token is a refresh token for a client, with its family. Only this and the next rotation ever have
// the text: nothing is kept from which it could be made.
type Token struct {
	Text string
	Family
	// Again says that the presented token had been rotated before, within the grace: this is the
	// same successor.
	Again bool
}

// Expect is what the caller knows about a token from another source. An empty field expects
// nothing. RFC 6749 section 6 has a token bound to its client, so a token endpoint sets Client.
type Expect struct {
	Principal string
	Tenant    string
	Client    string
}

// of returns f, or the zero Family where f is not what is expected.
func (e Expect) of(f Family) Family {
	if e.Principal != "" && e.Principal != f.Principal || e.Tenant != "" && e.Tenant != f.Tenant ||
		e.Client != "" && e.Client != f.Client {
		return Family{}
	}
	return f
}

// claims are the parts of a family that revocations can name. It has no Expires: a family that is
// younger than the ledger's memory is fine, however long it may last.
func (s *Store) claims(f Family) *revocast.Claims {
	return &revocast.Claims{
		Issuer: s.o.Issuer, Principal: f.Principal, Session: f.Session, Client: f.Client, Tenant: f.Tenant,
		AuthTime: f.AuthTime, IssuedAt: f.Issued,
	}
}

// answer is the reply of a script, as reply in family.lua makes it.
type answer struct {
	status        string
	first, second string // their meaning depends on the status
	family        Family
}

func (s *Store) answer(reply any, err error) (a answer, _ error) {
	if err != nil {
		return a, err
	}
	r := script.Read(reply)
	a.status, a.first, a.second = r.Text(), r.Text(), r.Text()
	if r.More() {
		a.family = readFamily(r)
	}
	return a, r.Err
}

// unexpected is the error of an answer that no script gives.
func unexpected(a answer) error {
	return fmt.Errorf("%w: status %.40q", script.ErrReply, a.status)
}
