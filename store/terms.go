package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// parsedTerms is a text of terms and what it says.
type parsedTerms struct {
	text  string
	terms port.Terms
}

// formatTerms writes terms as the meta hash holds them: lease, drift, fence and the
// longest lifetimes, separated by spaces, durations in nanoseconds, and last the
// default issuer, which may hold anything. The skew, in milliseconds, follows the drift
// after a comma, and is left out where it is the default: that is the text as it was
// before there was a skew, and software of that time refuses any other. The naming follows after
// another comma, as SECRETS:CHECK, and is left out where there are no secrets. The scripts read
// fence, lifetimes, skew and the number of secrets.
func formatTerms(t port.Terms) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", t.Lease.Nanoseconds(), strconv.FormatFloat(t.Drift, 'g', -1, 64))
	if t.Skew != 0 || t.Names.Secrets > 0 {
		b.WriteString(",")
	}
	if t.Skew != 0 {
		b.WriteString(strconv.FormatInt(t.Skew.Milliseconds(), 10))
	}
	if t.Names.Secrets > 0 {
		fmt.Fprintf(&b, ",%d:%s", t.Names.Secrets, t.Names.Check)
	}
	fmt.Fprintf(&b, " %d", t.Fence.Nanoseconds())
	for _, d := range t.MaxLifetime {
		fmt.Fprintf(&b, " %d", d.Nanoseconds())
	}
	return b.String() + " " + t.DefaultIssuer
}

func parseTerms(text string) (port.Terms, error) {
	const numbers = 3 + revocast.NumScopes
	fields := strings.SplitN(text, " ", numbers+1)
	if len(fields) != numbers+1 {
		return port.Terms{}, fmt.Errorf("%w: terms %.80q", errReply, text)
	}
	rate, more, said := strings.Cut(fields[1], ",")
	drift, err := strconv.ParseFloat(rate, 64)
	if err != nil {
		return port.Terms{}, fmt.Errorf("%w: terms: drift: %w", errReply, err)
	}
	t := port.Terms{Drift: drift, DefaultIssuer: fields[numbers]}
	skew, naming, named := strings.Cut(more, ",")
	if skew != "" || said && !named {
		ms, err := strconv.ParseUint(skew, 10, 31)
		if err != nil {
			return port.Terms{}, fmt.Errorf("%w: terms: skew: %w", errReply, err)
		}
		t.Skew = time.Duration(ms) * time.Millisecond
	}
	if named {
		if t.Names, err = parseNaming(naming); err != nil {
			return port.Terms{}, err
		}
	}
	into := []*time.Duration{&t.Lease, nil, &t.Fence}
	for i := range t.MaxLifetime {
		into = append(into, &t.MaxLifetime[i])
	}
	for i, d := range into {
		if d == nil {
			continue
		}
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return port.Terms{}, fmt.Errorf("%w: terms: %w", errReply, err)
		}
		*d = time.Duration(n)
	}
	return t, nil
}

// parseNaming reads SECRETS:CHECK.
func parseNaming(text string) (port.Naming, error) {
	secrets, check, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(secrets, 10, 8)
	naming := port.Naming{Secrets: uint8(n), Check: check}
	if err != nil || n == 0 || !naming.Valid() {
		return port.Naming{}, fmt.Errorf("%w: terms: names %.80q", errReply, text)
	}
	return naming, nil
}

// checkTerms refuses what no lease could be computed from.
func checkTerms(t port.Terms) error {
	switch {
	case t.Lease <= 0:
		return fmt.Errorf("%w: terms: the lease must be longer than zero", revocast.ErrInvalid)
	case !(t.Drift >= 0 && t.Drift < 1):
		return fmt.Errorf("%w: terms: drift %g is not between 0 and 1", revocast.ErrInvalid, t.Drift)
	case t.Fence < 0:
		return fmt.Errorf("%w: terms: the fence is negative", revocast.ErrInvalid)
	case t.Skew < 0 || t.Skew > port.MaxSkew || t.Skew%time.Millisecond != 0:
		return fmt.Errorf("%w: terms: skew %s is not within 0 and %s in whole milliseconds", revocast.ErrInvalid,
			t.Skew, port.MaxSkew)
	}
	if !t.Names.Valid() {
		return fmt.Errorf("%w: terms: names %+v", revocast.ErrInvalid, t.Names)
	}
	for i, d := range t.MaxLifetime {
		if d < 0 {
			return fmt.Errorf("%w: terms: the longest lifetime of scope %s is negative", revocast.ErrInvalid,
				revocast.Scope(i+1))
		}
	}
	return nil
}

// SetTerms implements [port.Ledger]. The terms are compared here, and replaced by a step that does
// nothing if other terms are in force by then.
func (l *Ledger) SetTerms(ctx context.Context, terms port.Terms) error {
	if err := checkTerms(terms); err != nil {
		return err
	}
	next := formatTerms(terms)
	stands, unsettled := "", time.Duration(0)
	for {
		reply, err := l.run(ctx, l.main, setTermsScript, next, stands, unsettled.Nanoseconds())
		if err != nil {
			return err
		}
		if reply == next {
			return nil
		}
		stands, _ = reply.(string)
		old, err := parseTerms(stands)
		if err != nil {
			return finish(setTermsScript, err)
		}
		unsettled = unsettledBy(old, terms)
	}
}

// unsettledBy is how long a lease granted under the old terms, or a primary cut off under them, may
// last when only the new terms are waited for; 0: no longer than that.
func unsettledBy(old, next port.Terms) time.Duration {
	if next.Lease >= old.Lease && next.Drift >= old.Drift && next.Fence >= old.Fence {
		return 0
	}
	return max(old.SettleWait(), next.SettleWait())
}

// readTerms reads terms out of a reply. They hardly ever change, so the latest are kept together
// with their text.
func (l *Ledger) readTerms(r reader) port.Terms {
	text := r.Text()
	if known := l.terms.Load(); known != nil && known.text == text {
		return known.terms
	}
	terms, err := parseTerms(text)
	if err != nil {
		if r.Err == nil {
			r.Err = err
		}
		return port.Terms{}
	}
	l.terms.Store(&parsedTerms{text: text, terms: terms})
	return terms
}
