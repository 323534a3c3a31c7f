package publishercmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
)

// printJSON writes v on one line.
func printJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// printReceipt writes the result of a call. A receipt that comes with an error means that the
// call is committed but has not reached its strength: the receipt is printed, and the error says
// the rest.
func printReceipt(w io.Writer, asJSON bool, what string, r revocast.Receipt, err error) error {
	if err != nil && !errors.Is(err, revocast.ErrPending) {
		return err
	}
	printed := printText(w, what, r)
	if asJSON {
		printed = printJSON(w, apitypes.NewReceipt(r))
	}
	if err != nil {
		return pending(r, err)
	}
	return printed
}

func printText(w io.Writer, what string, r revocast.Receipt) error {
	_, err := fmt.Fprintf(w, "%s\n  position %s, %s after %s\n%s",
		what, r.Position, r.Strength, shortTime(r.Took), tally(r))
	if err == nil && !r.NotBefore.IsZero() {
		_, err = fmt.Fprintf(w, "  tokens issued from %s on are not covered\n", stamp(r.NotBefore))
	}
	for _, warning := range r.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "  warning: %s\n", warning)
		}
	}
	return err
}

// tally says which workers have the revocation; workers are only counted at confirmation.
func tally(r revocast.Receipt) string {
	if r.Strength != revocast.Confirmed {
		return ""
	}
	t := r.Workers
	var parts []string
	if t.Live == 0 {
		return "  no worker was connected: nobody had to be waited for\n"
	}
	if t.Confirmed > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d workers said so", t.Confirmed, t.Live))
	}
	if t.Lapsed > 0 {
		parts = append(parts, fmt.Sprintf("%d no longer trust their memory", t.Lapsed))
	}
	return "  " + strings.Join(parts, ", ") + "\n"
}

func pending(r revocast.Receipt, err error) error {
	return wiring.WithHint(
		wiring.WithCode(wiring.ExitPending,
			fmt.Errorf("at %s only %s when the time ran out: %w", r.Position, r.Strength, err)),
		"it continues by itself; `publisher status` shows which worker it waits for; a longer --timeout waits longer")
}

// stamp is a time as people and scripts both read it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// shortTime rounds a duration to the digits that matter.
func shortTime(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
