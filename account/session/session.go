package session

import (
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// Session is one login of a principal, as it stood when it was read. Times are Redis'.
type Session struct {
	ID        string // sid: public, names it in tokens, lists and revocations
	Principal string
	Tenant    string
	Device    string
	IP        string
	UserAgent string

	// Data is the caller's own. [Store.List] leaves it out.
	Data map[string]string
	// Version counts the changes of Data, from 1.
	Version uint64

	// TokenID is the jti of the session's token, under which a token that was replaced
	// is revoked. It tells nothing about the token.
	TokenID string

	// AuthTime is when the user authenticated; cut-offs are compared with it. Tokens of
	// the session bear it as auth_time, and no earlier iat.
	AuthTime   time.Time
	Created    time.Time
	LastAccess time.Time // as last written down, see [Options].Touch
	Expires    time.Time // if it is not used before
	End        time.Time // the absolute maximum
}

// tokenIDLen is how much of a token's hash is its id: 128 bits.
const tokenIDLen = 32

func tokenID(hash string) string { return hash[:min(len(hash), tokenIDLen)] }

// hashOf is the hash of a text that may be a token; false: it is no token of ours. That one is not
// looked up, since anybody can send it.
func hashOf(token string) (string, bool) {
	if !secret.Looks(token) {
		return "", false
	}
	return secret.Hash(token), true
}

// found is a session as a script answered it.
type found struct {
	Session
	owed string    // what to tell the fleet; empty: nothing
	now  time.Time // Redis' clock
}

// read takes a script's answer apart.
func read(reply any) (f found, err error) {
	r := script.Read(reply)
	if err := outcome(r); err != nil {
		return found{}, err
	}
	f.owed, f.now = r.Text(), millis(r)
	f.Expires, f.LastAccess, f.TokenID = millis(r), millis(r), tokenID(r.Text())
	fields := r.Sub()
	for fields.More() {
		f.set(fields.Text(), fields)
	}
	if r.Err == nil {
		r.Err = fields.Err
	}
	if r.Err != nil {
		return found{}, r.Err
	}
	return f, nil
}

// set takes the value of a field out of r. Expires, LastAccess and TokenID have been told
// apart, for the script may have changed them since.
func (f *found) set(field string, r *script.Reader) {
	if own, ok := strings.CutPrefix(field, "="); ok {
		if f.Data == nil {
			f.Data = map[string]string{}
		}
		f.Data[own] = r.Text()
		return
	}
	switch field {
	case "i":
		f.ID = r.Text()
	case "p":
		f.Principal = r.Text()
	case "t":
		f.Tenant = r.Text()
	case "d":
		f.Device = r.Text()
	case "a":
		f.IP = r.Text()
	case "u":
		f.UserAgent = r.Text()
	case "c":
		f.Created = millis(r)
	case "o":
		f.AuthTime = millis(r)
	case "e":
		f.End = millis(r)
	case "v":
		f.Version = r.Uint()
	default:
		r.Any()
	}
}

// outcome reads the word that every answer starts with.
func outcome(r *script.Reader) error {
	switch word := r.Text(); word {
	case "ok":
		return r.Err
	case "none":
		return ErrNotFound
	case "version":
		return ErrVersion
	case "taken":
		return ErrExists
	case "cut":
		return ErrCutOff
	case "old":
		return errOld
	case "large":
		return errLarge
	default:
		r.Fail("want an outcome", word)
		return r.Err
	}
}

func millis(r *script.Reader) time.Time {
	if ms := r.Int(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// errOld and errLarge are what only the script can tell.
var (
	errOld   = fmt.Errorf("%w: the user authenticated longer ago than a session lives", revocast.ErrInvalid)
	errLarge = fmt.Errorf("%w: at most %d fields of data with %d bytes in all are allowed", revocast.ErrInvalid,
		MaxFields, MaxData)
)
