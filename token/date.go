package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// lastSecond is the end of the year 9999, beyond which RFC 3339 cannot write a time.
const lastSecond = 253402300799

// maxExponent is more than any date needs; without a bound 1e999999999 would cost
// memory.
const maxExponent = 64

var errDateRange = errors.New("not a date between 1970 and 9999")

// numericDate reads an RFC 7519 §2 NumericDate exactly, to the nanosecond, further
// digits cut off: a float64 has no room for today's microseconds. number is valid
// JSON. Negative dates and dates past 9999 are refused; zero is 1970 itself.
func numericDate(number json.Number) (time.Time, error) {
	text, exponent, err := cutExponent(string(number))
	if err != nil {
		return time.Time{}, err
	}
	if text == "" || text[0] == '-' {
		return time.Time{}, errDateRange
	}
	whole, fraction, _ := strings.Cut(text, ".")
	whole, fraction = shift(whole, fraction, exponent)
	seconds, err := digits(whole)
	if err != nil || seconds > lastSecond {
		return time.Time{}, errDateRange
	}
	nanos, err := digits((fraction + "000000000")[:9])
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %q", errDateRange, clip(string(number)))
	}
	return time.Unix(seconds, nanos).UTC(), nil
}

// cutExponent splits a JSON number into its decimal part and its exponent.
func cutExponent(number string) (text string, exponent int, err error) {
	at := strings.IndexAny(number, "eE")
	if at < 0 {
		return number, 0, nil
	}
	exponent, err = strconv.Atoi(number[at+1:])
	if err != nil || exponent > maxExponent || exponent < -maxExponent {
		return "", 0, errDateRange
	}
	return number[:at], exponent, nil
}

// shift moves the decimal point by exponent places.
func shift(whole, fraction string, exponent int) (string, string) {
	if exponent > 0 {
		fraction += strings.Repeat("0", max(0, exponent-len(fraction)))
		return whole + fraction[:exponent], fraction[exponent:]
	}
	whole = strings.Repeat("0", max(0, -exponent-len(whole))) + whole
	at := len(whole) + exponent
	return whole[:at], whole[at:] + fraction
}

// digits reads a decimal number without sign; no digits at all are zero.
func digits(text string) (int64, error) {
	text = strings.TrimLeft(text, "0")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}
