package port

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// TestTermsValidate: each bound of each term, from both sides.
func TestTermsValidate(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		change func(*Terms)
		good   bool
	}{
		"default":              {func(*Terms) {}, true},
		"shortest lease":       {func(o *Terms) { o.Lease = 100 * time.Millisecond }, true},
		"lease too short":      {func(o *Terms) { o.Lease = 99 * time.Millisecond }, false},
		"longest lease":        {func(o *Terms) { o.Lease = 10 * time.Minute }, true},
		"lease too long":       {func(o *Terms) { o.Lease = 10*time.Minute + 1 }, false},
		"no drift":             {func(o *Terms) { o.Drift = 0 }, true},
		"drift below zero":     {func(o *Terms) { o.Drift = -0.001 }, false},
		"largest drift":        {func(o *Terms) { o.Drift = 0.2 }, true},
		"drift too large":      {func(o *Terms) { o.Drift = 0.201 }, false},
		"longest fence":        {func(o *Terms) { o.Fence = 10 * time.Minute }, true},
		"fence too long":       {func(o *Terms) { o.Fence = 10*time.Minute + 1 }, false},
		"fence below zero":     {func(o *Terms) { o.Fence = -1 }, false},
		"smallest skew":        {func(o *Terms) { o.Skew = MinSkew }, true},
		"skew too small":       {func(o *Terms) { o.Skew = MinSkew - time.Millisecond }, false},
		"largest skew":         {func(o *Terms) { o.Skew = MaxSkew }, true},
		"skew too large":       {func(o *Terms) { o.Skew = MaxSkew + time.Millisecond }, false},
		"skew of microseconds": {func(o *Terms) { o.Skew = MinSkew + time.Microsecond }, false},
		"shortest lifetime":    {func(o *Terms) { o.MaxLifetime[0] = time.Second }, true},
		"lifetime too short":   {func(o *Terms) { o.MaxLifetime[0] = time.Second - 1 }, false},
		"longest lifetime":     {func(o *Terms) { o.MaxLifetime[6] = 3650 * day }, true},
		"lifetime too long":    {func(o *Terms) { o.MaxLifetime[6] = 3650*day + 1 }, false},
	} {
		terms := DefaultTerms()
		c.change(&terms)
		if err := terms.Validate(); (err == nil) != c.good || err != nil && !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWaits: a worker that counts fast gives its lease up no later than a publisher that counts
// slowly has waited. Powers of two have no rounding.
func TestWaits(t *testing.T) {
	terms := Terms{Lease: 3 * time.Second, Drift: 0.125, Fence: 7 * time.Second}
	margin := 10 * time.Millisecond
	for name, c := range map[string]struct{ got, want time.Duration }{
		"lease":        {terms.LeaseFor(), 3 * time.Second * 7 / 8},
		"wait":         {terms.Wait(), 3*time.Second*9/7 + margin},
		"settle":       {terms.SettleWait(), 10*time.Second*9/7 + margin},
		"fence":        {terms.FenceWait(), 9*time.Second + margin},
		"no fence":     {Terms{Lease: time.Second, Drift: 0.125}.FenceWait(), 0},
		"skew":         {terms.SkewOrDefault(), DefaultSkew},
		"skew that is": {Terms{Skew: time.Second}.SkewOrDefault(), time.Second},
		"retention":    {DefaultTerms().Retention(), 30*24*time.Hour + 2*time.Hour},
		"retention of": {Terms{MaxLifetime: [revocast.NumScopes]time.Duration{1, 9, 3}}.Retention(), 9 + 2*time.Hour},
		"stream, in ms": {
			time.Duration(DefaultTerms().StreamOptions().MaxAge), time.Duration((30*24 + 2) * 3600 * 1000),
		},
	} {
		if c.got-c.want > 1 || c.want-c.got > 1 {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
}
