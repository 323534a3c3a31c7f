package apitypes

import (
	"fmt"
	"math"
	"time"

	"github.com/revocast/revocast"
)

// timeLayout is RFC 3339 with milliseconds, always three digits.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Time is an instant in JSON: RFC 3339, written in UTC with milliseconds (cut, not
// rounded), read with any offset and fraction. The zero Time means absent; with the
// omitzero tag it is left out.
type Time struct{ time.Time }

// At returns t as a [Time].
func At(t time.Time) Time { return Time{t} }

// Millis returns the instant of Unix milliseconds as the root package uses them:
// zero, and [revocast.Forever], which is no date, are absent.
func Millis(ms int64) Time {
	if ms == 0 || ms >= revocast.Forever {
		return Time{}
	}
	return Time{time.UnixMilli(ms)}
}

// millis is the inverse of [Millis], where absent is zero.
func (t Time) millis() int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// MarshalJSON implements [encoding/json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"`+timeLayout+`"`), nil
}

// ParseTime reads an RFC 3339 time, to the nanosecond. It fails with [revocast.ErrInvalid]. Times
// that are not after 1970 are errors too: none of our times can lie there, and year 1 would read
// as absent.
func ParseTime(text string) (Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return Time{}, fmt.Errorf("%w: %q is not a time: want RFC 3339, such as 2030-01-02T15:04:05.678Z",
			revocast.ErrInvalid, clip(text))
	}
	if t.UnixMilli() <= 0 {
		return Time{}, fmt.Errorf("%w: %q is not after 1970", revocast.ErrInvalid, clip(text))
	}
	return Time{t}, nil
}

// DurationMS returns d in milliseconds with three decimals, as a field that ends in
// _ms has it.
func DurationMS(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
