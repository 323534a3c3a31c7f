package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Commit implements [port.Ledger]. The same key and proposals return the first run's entries, epoch
// and generation; Settled and Terms are always the present ones. An empty key only makes the call
// safe against its own lost replies.
func (l *Ledger) Commit(ctx context.Context, idempotency string, proposals []revocast.Event) (port.Commit, error) {
	if len(proposals) == 0 || len(proposals) > revocast.MaxBatch {
		return port.Commit{}, fmt.Errorf("%w: %d proposals in one commit: want 1 to %d", revocast.ErrInvalid,
			len(proposals), revocast.MaxBatch)
	}
	for i, p := range proposals {
		err := checkProposal(p)
		if p.Names != proposals[0].Names {
			err = errors.New("its key is made with other name secrets than that of the first one")
		}
		if err != nil {
			return port.Commit{}, fmt.Errorf("%w: proposal %d: %w", revocast.ErrInvalid, i+1, err)
		}
	}
	if idempotency == "" {
		idempotency = port.EphemeralKey + rand.Text()
	}
	call := &commitCall{args: l.commitArgs(idempotency, proposals), n: len(proposals)}
	part, err := l.commits.run(ctx, call, l.runCommits)
	if err != nil {
		return port.Commit{}, err
	}
	return l.readCommit(part, proposals)
}

// runCommits runs the script for all of the calls.
func (l *Ledger) runCommits(ctx context.Context, calls []*commitCall) ([]commitPart, error) {
	size := 3
	for _, c := range calls {
		size += len(c.args)
	}
	args := append(make([]any, 0, size), leeway, margin, inStep)
	for _, c := range calls {
		args = append(args, c.args...)
	}
	reply, err := l.run(ctx, l.main, commitScript, args...)
	if err != nil {
		return nil, err
	}
	r := read(reply)
	shared := commitPart{settled: r.Flag(), terms: l.readTerms(r)}
	parts := make([]commitPart, len(calls))
	for i := range parts {
		parts[i] = shared
		parts[i].outcome, parts[i].epoch, parts[i].generation, parts[i].answer = r.Text(), r.Uint(), r.Text(), r.Text()
	}
	return parts, finish(commitScript, r.Err)
}

// commitArgs are a call's arguments: what comes before its proposals, and those.
func (l *Ledger) commitArgs(idempotency string, proposals []revocast.Event) []any {
	args := make([]any, 0, 5+17*len(proposals))
	args = append(args, digest(underNames(idempotency, proposals[0].Names)), fingerprint(proposals),
		l.rememberFor(idempotency).Milliseconds(), proposals[0].Names, len(proposals))
	for _, p := range proposals {
		args = append(args, uint8(p.Kind), uint8(p.Scope), p.Key.String(), p.CutOff, hexOrEmpty(p.Except),
			p.Until, p.From, p.Reason, p.Initiator, p.Position.Epoch, p.Position.Rev,
			hexOrEmpty(p.Reckoned.Issuer), p.Reckoned.Ahead, p.Reckoned.Lead, p.Reckoned.Now, p.At, p.Sealed)
	}
	return args
}

// rememberFor is how long the answer to a key is kept. A key made for a single call is only asked
// about again within that call.
func (l *Ledger) rememberFor(idempotency string) time.Duration {
	if strings.HasPrefix(idempotency, port.EphemeralKey) {
		return min(l.opts.RememberFor, 2*time.Minute)
	}
	return l.opts.RememberFor
}

func (l *Ledger) readCommit(part commitPart, proposals []revocast.Event) (port.Commit, error) {
	if part.outcome == "no" {
		return port.Commit{}, commitScript.Refused(part.answer)
	}
	entries, err := parseAnswer(part.answer, proposals)
	return port.Commit{
		Entries: entries, Repeated: part.outcome == "1", Epoch: part.epoch, Generation: part.generation,
		Settled: part.settled, Terms: part.terms,
	}, finish(commitScript, err)
}

// checkProposal refuses proposals that no script should see. The script itself refuses what depends
// on the ledger's clock or terms.
func checkProposal(p revocast.Event) error {
	switch {
	case !p.Kind.Valid() || !p.Scope.Valid() || p.Key.IsZero():
		return fmt.Errorf("kind %s, scope %s, key %s", p.Kind, p.Scope, p.Key)
	case !inRange(p.CutOff) || !inRange(p.Until) || !inRange(p.From) || !inRange(p.At):
		return fmt.Errorf("a time is before 1970 or beyond %d", revocast.Forever)
	case !p.Except.IsZero() && p.Scope.Outright():
		return fmt.Errorf("a %s has no exception", p.Scope)
	case len(p.Sealed) > revocast.MaxSealed:
		return fmt.Errorf("the sealed name has more than %d bytes", revocast.MaxSealed)
	case len(p.Reason) > revocast.MaxReason || len(p.Initiator) > revocast.MaxReason:
		return fmt.Errorf("reason or initiator has more than %d bytes", revocast.MaxReason)
	}
	return nil
}

// inRange: a Lua number holds no larger integer exactly.
func inRange(ms int64) bool { return ms >= 0 && ms <= revocast.Forever }

func hexOrEmpty(k revocast.Key) string {
	if k.IsZero() {
		return ""
	}
	return k.String()
}

// underNames makes another key of a key after a move of the names: what was proposed before cannot be compared.
func underNames(key string, secrets uint8) string {
	if secrets == 0 {
		return key
	}
	return fmt.Sprintf("%s\x00%d", key, secrets)
}

// digest keeps the caller's idempotency keys, whatever they hold, out of Redis keys.
func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// fingerprint shows whether two calls propose the same.
func fingerprint(proposals []revocast.Event) string {
	h := sha256.New()
	for _, p := range proposals {
		h.Write([]byte{byte(p.Kind), byte(p.Scope)})
		h.Write(p.Key[:])
		h.Write(p.Except[:])
		for _, n := range [...]uint64{
			uint64(p.CutOff), uint64(p.Until), uint64(p.From), p.Position.Epoch, p.Position.Rev,
		} {
			writeUint(h, n)
		}
		for _, s := range [...]string{p.Reason, p.Initiator} {
			writeUint(h, uint64(len(s)))
			h.Write([]byte(s))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func writeUint(h hash.Hash, n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	h.Write(b[:])
}
