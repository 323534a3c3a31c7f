package events

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/revocast/revocast"
)

// maxRealm is the longest realm name in bytes.
const maxRealm = 64

// realmNames are the names that one realm has at the server.
type realmNames struct {
	realm       string
	hash        uint64 // what events and acknowledgements carry to tell realms apart
	events      string // subject of all events
	kinds       [len(revocast.Kinds)]string
	epoch       string
	acks        string
	ackPrefix   string
	snapshots   string    // subject of all that belongs to snapshots
	snapHead    string    // of the message that closes a snapshot
	snapSlots   [2]string // what the chunks' begin with, by turns
	eventStream string
	epochStream string
	snapStream  string
}

// newRealmNames fails with [revocast.ErrInvalid] on a name that is not one token of
// letters, digits, underscore and hyphen: anything else could leave its subjects.
func newRealmNames(realm string) (realmNames, error) {
	if !validRealm(realm) {
		return realmNames{}, fmt.Errorf("%w: realm %.80q: want 1 to %d of A-Z a-z 0-9 _ -", revocast.ErrInvalid,
			realm, maxRealm)
	}
	root := "rv." + realm + "."
	n := realmNames{
		realm:       realm,
		hash:        realmHash(realm),
		events:      root + "ev.*",
		epoch:       root + "epoch",
		acks:        root + "ack.*.*",
		ackPrefix:   root + "ack.",
		snapshots:   root + "snap.>",
		snapHead:    root + "snap.head",
		snapSlots:   [2]string{root + "snap.a.", root + "snap.b."},
		eventStream: "RV_" + realm,
		epochStream: "RVEPOCH_" + realm,
		snapStream:  "RVSNAP_" + realm,
	}
	for i, k := range revocast.Kinds {
		n.kinds[i] = root + "ev." + k.String()
	}
	return n, nil
}

// kind returns the subject of one kind, which must be valid.
func (n *realmNames) kind(k revocast.Kind) string { return n.kinds[k-1] }

// ack returns the subject on which a worker of a class acknowledges. A user may be allowed the
// subjects of one class alone.
func (n *realmNames) ack(class, worker string) string {
	return n.ackPrefix + escapeToken(class) + "." + escapeToken(worker)
}

// ackClass returns the class whose subject it is.
func (n *realmNames) ackClass(subject string) string {
	class, _, _ := strings.Cut(strings.TrimPrefix(subject, n.ackPrefix), ".")
	return class
}

// chunk returns the subject of one chunk of a snapshot. No other snapshot's chunk can stand there.
func (n *realmNames) chunk(slot byte, id snapID, number uint32) string {
	return n.snapSlots[slot] + hex.EncodeToString(id[:]) + "." + strconv.FormatUint(uint64(number), 10)
}

func validRealm(realm string) bool {
	if realm == "" || len(realm) > maxRealm {
		return false
	}
	for i := range len(realm) {
		if !plain(realm[i]) {
			return false
		}
	}
	return true
}

// plain reports whether c stands for itself in a subject token.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// escapeToken makes any text one subject token: bytes that are not plain become =XX.
// Different texts give different tokens, since '=' itself is escaped.
func escapeToken(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// realmHash is the part of the realm's name that messages carry: eight bytes of SHA-256. It
// identifies stray messages of another realm. It does not protect against forgery: the server's
// permissions do.
func realmHash(realm string) uint64 {
	sum := sha256.Sum256([]byte("revocast realm\x00" + realm))
	return binary.BigEndian.Uint64(sum[:8])
}
