package denylist_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/store/storetest"
)

func TestDenyAndList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, pub, _ := onFake(t, b)
		why := revocast.Cause{Reason: "leaked \"in\" a log", Initiator: "admin"}
		now := time.Now().Truncate(time.Millisecond)
		for i := range 5 { // the later, the sooner it expires
			tok := token(i, time.Time{}, now.Add(time.Duration(10-i)*time.Minute))
			tok.Principal = "alice"
			res, err := l.Deny(t.Context(), why, []denylist.Token{tok})
			must(t, err)
			if res.Entries != 1 || len(res.Receipts) != 1 || !res.CutOff.IsZero() {
				t.Errorf("result %+v", res)
			}
		}
		told := pub.take()
		if len(told) != 5 || told[0].Scope != revocast.ScopeToken || told[0].ID != "jti-0000" ||
			told[0].Issuer != issuer || told[0].Reason != why.Reason {
			t.Fatalf("told %+v", told)
		}
		var ids []string
		for after := ""; ; {
			page, err := l.Page(t.Context(), after, 2)
			must(t, err)
			for _, e := range page.Entries {
				ids = append(ids, e.ID)
				if e.Issuer != issuer || e.Principal != "alice" || e.Cause != why ||
					!e.Until.Equal(e.Expires.Add(6*time.Minute)) {
					t.Errorf("entry %+v", e)
				}
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if got := strings.Join(ids, " "); got != "jti-0004 jti-0003 jti-0002 jti-0001 jti-0000" {
			t.Errorf("listed %s", got)
		}
	})
}

func TestDenyTwiceIsOneEntry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, _, _ := onFake(t, b)
		now := time.Now().Truncate(time.Millisecond)
		for _, in := range []time.Duration{10, 30, 20} {
			_, err := l.Deny(t.Context(), revocast.Cause{},
				[]denylist.Token{token(1, time.Time{}, now.Add(in*time.Minute))})
			must(t, err)
		}
		page, err := l.Page(t.Context(), "", 10)
		must(t, err)
		if len(page.Entries) != 1 || page.Next != "" || !page.Entries[0].Expires.Equal(now.Add(30*time.Minute)) {
			t.Errorf("listed %+v", page)
		}
	})
}

func TestExpiredTokenNeedsNoEntry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, pub, _ := onFake(t, b)
		old := token(1, time.Time{}, time.Now().Add(-10*time.Minute))
		within := token(2, time.Time{}, time.Now().Add(-2*time.Minute)) // a verifier's leeway may still accept it
		res, err := l.Deny(t.Context(), revocast.Cause{}, []denylist.Token{old, within})
		must(t, err)
		if told := pub.take(); res.Entries != 1 || len(told) != 1 || told[0].ID != within.ID {
			t.Errorf("%+v, told %+v", res, told)
		}
		res, err = l.Deny(t.Context(), revocast.Cause{}, []denylist.Token{old})
		if err != nil || res.Entries != 0 || len(pub.take()) != 0 {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// TestOnlyWhatTheCutOffDoesNotCover needs an entry.
func TestOnlyWhatTheCutOffDoesNotCover(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, pub, _ := onFake(t, b)
		asOf, expires := time.Now().Add(-time.Minute).Truncate(time.Millisecond), time.Now().Add(time.Hour)
		res, err := l.RevokeIssued(t.Context(), revocast.Cause{}, denylist.Issued{Principal: "alice", AsOf: asOf},
			[]denylist.Token{
				token(1, asOf.Add(-time.Hour), expires),
				token(2, asOf, expires),
				token(3, asOf.Add(time.Millisecond), expires),
				token(4, time.Time{}, expires),
			})
		must(t, err)
		told := pub.take()
		if len(told) != 2 || told[0].Scope != revocast.ScopePrincipal || told[0].ID != "alice" ||
			!told[0].CutOff.Equal(asOf) || told[1].ID != "jti-0003" {
			t.Errorf("told %+v", told)
		}
		if res.Entries != 1 || !res.CutOff.Equal(asOf) {
			t.Errorf("result %+v", res)
		}

		started := time.Now().Add(-time.Second) // Redis' clock is this machine's
		res, err = l.RevokeIssued(t.Context(), revocast.Cause{}, denylist.Issued{Principal: "bob"}, nil)
		must(t, err)
		if told = pub.take(); len(told) != 1 || !told[0].CutOff.Equal(res.CutOff) || res.CutOff.Before(started) ||
			res.CutOff.After(time.Now().Add(time.Second)) {
			t.Errorf("%+v, told %+v", res, told)
		}
	})
}

// TestCutOffOfOneIssuerLeavesTokensOfAnotherAlive is what would happen if such tokens were
// thought to be covered: the cut-off is of one principal of one issuer.
func TestCutOffOfOneIssuerLeavesTokensOfAnotherAlive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, pub, _ := onFake(t, b)
		now, expires := time.Now(), time.Now().Add(time.Hour)
		of := func(i int, iss, principal string, issued time.Time) denylist.Token {
			return denylist.Token{
				ID: fmt.Sprintf("jti-%04d", i), Issuer: iss, Principal: principal, Issued: issued, Expires: expires,
			}
		}
		old := now.Add(-time.Minute)
		for _, i := range []denylist.Issued{{Principal: "alice"}, {Principal: "alice", Issuer: issuer}} {
			res, err := l.RevokeIssued(t.Context(), revocast.Cause{}, i, []denylist.Token{
				of(1, "", "", old),
				of(2, issuer, "alice", old),
				of(3, "", "alice", time.Time{}),
				of(4, "https://partner.example", "alice", old),
				of(5, "https://partner.example", "", time.Time{}),
				of(6, "", "bob", old),
				of(7, issuer, "bob", time.Time{}),
			})
			must(t, err)
			var got []string
			for _, r := range pub.take()[1:] {
				got = append(got, r.ID+" "+r.Issuer)
			}
			want := "jti-0004 https://partner.example, jti-0005 https://partner.example, jti-0006 " + issuer +
				", jti-0007 " + issuer
			if strings.Join(got, ", ") != want || res.Entries != 4 {
				t.Errorf("%+v: denied %v, %d entries; want %s", i, got, res.Entries, want)
			}
		}
	})
}

// TestNearlyOverNeedsNoEntry: it would be over by the time the ledger is told, which
// refuses what is over.
func TestNearlyOverNeedsNoEntry(t *testing.T) {
	s := storetest.Embedded(t)
	l, pub, _ := onFake(t, storetest.Backend{Client: s.Client()})
	now := s.Client().Time(t.Context()).Val()
	over := now.Add(-6 * time.Minute)
	res, err := l.Deny(t.Context(), revocast.Cause{}, []denylist.Token{
		token(1, time.Time{}, over.Add(500*time.Millisecond)),
		token(2, time.Time{}, over.Add(10*time.Second)),
	})
	must(t, err)
	if told := pub.take(); res.Entries != 1 || len(told) != 1 || told[0].ID != "jti-0002" {
		t.Errorf("%+v, told %+v", res, told)
	}
}

func TestOwedIsToldLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, pub, box := onFake(t, b)
		pub.Fail(revocast.ErrUnavailable)
		_, err := l.Deny(t.Context(), revocast.Cause{},
			[]denylist.Token{token(1, time.Time{}, time.Now().Add(time.Hour))})
		if !errors.Is(err, outbox.ErrOwed) {
			t.Fatalf("got %v", err)
		}
		pub.Fail(nil)
		if n, err := box.Pending(t.Context()); err != nil || n != 1 {
			t.Errorf("%d owed, %v", n, err)
		}
		if page, err := l.Page(t.Context(), "", 10); err != nil || len(page.Entries) != 1 {
			t.Errorf("listed %+v, %v", page, err)
		}
	})
}

func TestRefusesNonsense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l, pub, _ := onFake(t, b)
		soon := time.Now().Add(time.Hour)
		deny := func(why revocast.Cause, tokens ...denylist.Token) error {
			_, err := l.Deny(t.Context(), why, tokens)
			return err
		}
		revoke := func(i denylist.Issued) error {
			_, err := l.RevokeIssued(t.Context(), revocast.Cause{}, i, nil)
			return err
		}
		page := func(limit int) error {
			_, err := l.Page(t.Context(), "", limit)
			return err
		}
		for what, err := range map[string]error{
			"no tokens":         deny(revocast.Cause{}),
			"no id":             deny(revocast.Cause{}, denylist.Token{Expires: soon}),
			"no expiry":         deny(revocast.Cause{}, denylist.Token{ID: "x"}),
			"not UTF-8":         deny(revocast.Cause{}, denylist.Token{ID: "\xff", Expires: soon}),
			"control in reason": deny(revocast.Cause{Reason: "\n"}, token(1, soon, soon)),
			"too many":          deny(revocast.Cause{}, make([]denylist.Token, denylist.MaxTokens+1)...),
			"long principal": deny(revocast.Cause{},
				denylist.Token{ID: "x", Expires: soon, Principal: strings.Repeat("x", revocast.MaxID+1)}),
			"no issuer":       deny(revocast.Cause{}, denylist.Token{ID: "x", Expires: soon, Issuer: "\xff"}),
			"before 1970":     deny(revocast.Cause{}, token(1, time.Unix(-1, 0), soon)),
			"no principal":    revoke(denylist.Issued{}),
			"in the future":   revoke(denylist.Issued{Principal: "alice", AsOf: soon}),
			"no page":         page(0),
			"too long a page": page(denylist.MaxTokens + 1),
		} {
			if !errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if told := pub.take(); len(told) != 0 {
			t.Errorf("told %+v", told)
		}
	})
}

// TestListForgets: what has ended is neither listed nor kept, however much of it there is.
func TestListForgets(t *testing.T) {
	s := storetest.Embedded(t)
	b := storetest.Backend{Client: s.Client()}
	l, _, _ := onFake(t, b)
	ctx := t.Context()
	now := b.Client.Time(ctx).Val()
	for round := range 3 {
		var many []denylist.Token
		for i := range 500 {
			many = append(many, token(round*1000+i, time.Time{}, now.Add(time.Minute)))
		}
		_, err := l.Deny(ctx, revocast.Cause{}, many)
		must(t, err)
	}
	_, err := l.Deny(ctx, revocast.Cause{}, []denylist.Token{token(9999, time.Time{}, now.Add(time.Hour))})
	must(t, err)
	s.Advance(6*time.Minute + 30*time.Second)
	if page, err := l.Page(ctx, "", 1000); err != nil || len(page.Entries) != 1000 {
		t.Fatalf("before the leeway is over: %d entries, %v", len(page.Entries), err)
	}
	s.Advance(time.Minute)
	for range 2 {
		page, err := l.Page(ctx, "", 1000)
		must(t, err)
		if len(page.Entries) != 1 || page.Entries[0].ID != "jti-9999" {
			t.Fatalf("%d entries are listed", len(page.Entries))
		}
	}
	prefix := fmt.Sprintf("{rv:%s}:a:d:", realm)
	if z, h := b.Client.ZCard(ctx, prefix+"z").Val(), b.Client.HLen(ctx, prefix+"h").Val(); z != 1 || h != 1 {
		t.Errorf("%d and %d are kept, want 1", z, h)
	}
	s.Advance(time.Hour)
	if page, err := l.Page(ctx, "", 1); err != nil || len(page.Entries) != 0 {
		t.Fatalf("%v, %v", page, err)
	}
	if n := b.Client.Exists(ctx, prefix+"z", prefix+"h").Val(); n != 0 {
		t.Errorf("%d keys outlive the last entry", n)
	}
}
