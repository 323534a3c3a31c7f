package wiring

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

// PrintEvent writes one event on one line: JSON as the API sends it, or text.
func PrintEvent(w io.Writer, asJSON bool, event revocast.Event) error {
	e := apitypes.NewEvent(event)
	if asJSON {
		return json.NewEncoder(w).Encode(e)
	}
	_, err := fmt.Fprintln(w, eventText(e))
	return err
}

// eventText names the key, since neither store knows the id behind it. Reasons come
// from callers: they are quoted, so none can forge a line.
func eventText(e apitypes.Event) string {
	parts := []string{stamp(e.At), e.Position, e.Kind, e.Scope, e.Key}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	add("cutoff", stamp(e.CutOff))
	add("except", e.ExceptKey)
	add("from", stamp(e.From))
	add("until", stamp(e.Until))
	add("reason", quoted(e.Reason))
	add("initiator", quoted(e.Initiator))
	return strings.Join(parts, " ")
}

func stamp(t apitypes.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%q", text)
}
