package publishercmd

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/revocast/revocast/internal/apitypes"
)

// printFleet writes the fleet as an aligned table.
func printFleet(w io.Writer, f *apitypes.Fleet) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	l := f.Ledger
	fmt.Fprintf(t, "ledger\t%s at %s%s\n", l.State, l.Position, unsettled(l))
	fmt.Fprintf(t, "in JetStream\tup to %s%s\n", l.Durable, unacked(f))
	fmt.Fprintf(t, "stream\t%s\n", streamText(f.Stream))
	fmt.Fprintf(t, "waiting\t%d revocations for confirmation\n", f.Waiting)
	fmt.Fprintf(t, "terms\tlease %s, fence %s, drift %g%%, default issuer %s\n",
		millis(l.LeaseMS), millis(l.FenceMS), 100*l.Drift, orNone(l.DefaultIssuer))
	if text := clocksApart(f); text != "" {
		fmt.Fprintf(t, "clocks\t%s\n", text)
	}
	fmt.Fprintf(t, "workers\t%d\n", len(f.Workers))
	for _, w := range f.Warnings {
		fmt.Fprintf(t, "warning\t%s\n", w)
	}
	if text := silentText(f); text != "" {
		fmt.Fprintf(t,
			"slow answers\t%s: acknowledgements are not heard, so every revocation waits for the next renewal\n", text)
	}
	if err := t.Flush(); err != nil || len(f.Workers) == 0 {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WORKER\tINCARNATION\tPOSITION\tLAG\tLEASE\tSEEN\tVERSION\tCLASS")
	for _, m := range f.Workers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Worker, m.Incarnation, m.Position,
			lag(m.Lag), lease(m.LeaseLeftMS), ago(l.Now.Time, m.Seen.Time), orNone(m.Version), m.Class)
	}
	return t.Flush()
}

func unsettled(l apitypes.Ledger) string {
	if l.Settled || l.State != "open" {
		return ""
	}
	return " (not settled: confirmations wait until the leases of an earlier epoch, or of earlier terms, have run out)"
}

// streamText says when the stream was last seen to hold what the ledger says.
func streamText(s apitypes.Stream) string {
	text := "not seen whole yet"
	if s.Whole != "" {
		text = fmt.Sprintf("whole up to %s (message %d), seen %s ago", s.Whole, s.Sequence, millis(float64(s.AgeMS)))
	}
	if s.Error != "" {
		text += "; not as it must be: " + s.Error
	}
	return text
}

func unacked(f *apitypes.Fleet) string {
	if f.Unacked == 0 {
		return ""
	}
	return fmt.Sprintf(", %d events under way, the oldest for %s", f.Unacked, millis(f.OldestUnackedMS))
}

func lag(n int64) string {
	if n < 0 {
		return "other epoch"
	}
	return fmt.Sprint(n)
}

func lease(ms float64) string {
	if ms <= 0 {
		return "run out"
	}
	return millis(ms)
}

// ago is how long before now, by the ledger's clock, t was.
func ago(now, t time.Time) string {
	if t.IsZero() || now.IsZero() {
		return "-"
	}
	return shortTime(max(0, now.Sub(t))) + " ago"
}

func millis(ms float64) string {
	return (time.Duration(ms) * time.Millisecond).String()
}

// silentText names the workers that every revocation waits for; empty: none.
func silentText(f *apitypes.Fleet) string {
	const most = 10
	var names []string
	for _, m := range f.Workers {
		if m.Acknowledges == "renewal" {
			names = append(names, m.Worker)
		}
	}
	more := ""
	if n := len(names) - most; n > 0 {
		names, more = names[:most], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ") + more
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// clocksApart names the clocks that differ from the ledger's by a second or more; empty: none.
func clocksApart(f *apitypes.Fleet) string {
	var apart []string
	add := func(whose string, aheadMS float64) {
		if aheadMS >= 1000 {
			apart = append(apart, fmt.Sprintf("%s %s ahead of the ledger's", whose, millis(aheadMS)))
		} else if aheadMS <= -1000 {
			apart = append(apart, fmt.Sprintf("%s %s behind the ledger's", whose, millis(-aheadMS)))
		}
	}
	add("an issuer's", f.Ledger.LargestLeadMS)
	add("the publisher's", f.Ledger.PublisherAheadMS)
	for _, m := range f.Workers {
		add("worker "+m.Worker+"'s", m.ClockAheadMS)
	}
	return strings.Join(apart, ", ")
}
