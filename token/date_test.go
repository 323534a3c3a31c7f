package token

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestNumericDate(t *testing.T) {
	for text, nanos := range map[string]int64{
		"0": 0, "-0": -1, "-1e-12": -1, "-1": -1, "1": 1e9, "0.5": 5e8, "1e0": 1e9, "1E+1": 10e9, "15e-1": 15e8,
		"1e-9": 1, "1e-10": 0,
		"1700000000":               1_700_000_000_000_000_000,
		"1700000000.75":            1_700_000_000_750_000_000,
		"1700000000.999999999":     1_700_000_000_999_999_999,
		"1700000000.9999999999999": 1_700_000_000_999_999_999, // cut, not rounded: never later than it says
		"1.70000000075e9":          1_700_000_000_750_000_000,
		"17000000007.5e-1":         1_700_000_000_750_000_000,
		"0.00000000017e19":         1_700_000_000_000_000_000,
		"1e64":                     -1, "1e65": -1, "1e999999999999999999999": -1, "1e-65": -1, "0e99": -1,
		"253402300800": -1, "9223372036854775807": -1, "18446744073709551616": -1, "1e18": -1,
	} {
		got, err := numericDate(json.Number(text))
		switch {
		case nanos < 0:
			if !errors.Is(err, errDateRange) {
				t.Errorf("%s: %s, %v, want it refused", text, got, err)
			}
		case err != nil || got.UnixNano() != nanos:
			t.Errorf("%s: %s, %v, want %s", text, got, err, time.Unix(0, nanos).UTC())
		}
	}
	if got, err := numericDate("253402300799.9"); err != nil || got.Year() != 9999 {
		t.Errorf("the last second: %s, %v", got, err)
	}
}

// FuzzNumericDate compares with exact rational arithmetic.
func FuzzNumericDate(f *testing.F) {
	for _, seed := range []string{
		"0", "-0", "1700000000.75", "1.7e9", "1e-9", "253402300799.9999999999", "1E+10", "9e63", "0.1e1",
		"12345678901234567890",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 || !isNumber(text) {
			return
		}
		got, err := numericDate(json.Number(text))
		want, ok := exactNanos(text)
		switch {
		case err != nil && !errors.Is(err, errDateRange):
			t.Fatalf("%s: %v", text, err)
		case err != nil && ok:
			t.Fatalf("%s is refused: %v", text, err)
		case err == nil && !ok:
			t.Fatalf("%s is accepted as %s", text, got)
		case err == nil:
			nanos := new(big.Int).Mul(big.NewInt(got.Unix()), big.NewInt(1e9))
			nanos.Add(nanos, big.NewInt(int64(got.Nanosecond())))
			if nanos.Cmp(want) != 0 {
				t.Fatalf("%s: %s ns, want %s", text, nanos, want)
			}
		}
	})
}

// isNumber reports whether the text is one JSON number and nothing else.
func isNumber(text string) bool {
	var number json.Number
	return text != "" && strings.Trim(text, "0123456789+-.eE") == "" && json.Unmarshal([]byte(text), &number) == nil
}

// exactNanos is the date rounded down, if numericDate must accept it.
func exactNanos(text string) (*big.Int, bool) {
	if _, exponent, found := strings.Cut(strings.ToLower(text), "e"); found {
		if e, ok := new(big.Int).SetString(exponent, 10); !ok || e.CmpAbs(big.NewInt(maxExponent)) > 0 {
			return nil, false
		}
	}
	seconds, ok := new(big.Rat).SetString(text)
	if !ok || strings.HasPrefix(text, "-") {
		return nil, false
	}
	seconds.Mul(seconds, big.NewRat(1e9, 1))
	nanos := new(big.Int).Quo(seconds.Num(), seconds.Denom())
	end := new(big.Int).Mul(big.NewInt(lastSecond+1), big.NewInt(1e9))
	return nanos, nanos.Cmp(end) < 0
}
