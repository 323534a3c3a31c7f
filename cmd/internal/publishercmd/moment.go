package publishercmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast/internal/apitypes"
)

// moment is a time on the command line: RFC 3339, or a duration from now such as
// +24h or -10m.
type moment struct{ apitypes.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *moment) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration from now such as +24h", s)
		}
		m.Time = apitypes.At(time.Now().Add(d))
		return nil
	}
	t, err := apitypes.ParseTime(s)
	if err != nil {
		return fmt.Errorf(
			"%q is not a time: want RFC 3339 such as 2030-01-02T15:04:05Z, or a duration from now such as +24h", s,
		)
	}
	m.Time = t
	return nil
}
