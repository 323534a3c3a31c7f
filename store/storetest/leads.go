package storetest

import (
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var leadTests = []test{
	{"a cut-off is written in its issuer's time", leadOfIssuer},
	{"a time as of which it was decided becomes one in its issuer's time", leadAsOf},
	{"a token beyond the skew is not registered", leadBeyond},
	{"the skew of the terms", leadSkew},
	{"a cut-off covers what was shown, whatever the publisher reckons", leadReckoned},
	{"an issuer that is behind is believed after several tokens", leadBehind},
	{"whole seconds are made allowance for", leadWhole},
	{"scope all takes the largest lead", leadAll},
	{"leads are forgotten after two turns", leadTurns},
	{"a clock that was set back", leadSetBack},
	{"an unsettled ledger goes by what the publisher saw", leadUnsettled},
	{"a lead is registered again", leadAgain},
	{"what cannot be seen", leadInvalid},
}

func (k *kit) sight(s port.Sighting) port.Sighted {
	k.Helper()
	seen, err := k.Ledger.Sight(k.ctx, s)
	k.must(err)
	return seen
}

// show registers a token of an issuer that was issued so many milliseconds ahead.
func (k *kit) show(issuer string, ahead int64) port.Sighted {
	k.Helper()
	return k.sight(port.Sighting{Issuer: key(issuer), Issued: odd(k.describe().Now + ahead)})
}

// odd is ms, or a millisecond less where that is a whole second.
func odd(ms int64) int64 {
	if ms%1000 == 0 {
		return ms - 1
	}
	return ms
}

// lead revokes somebody and reports by how much the cut-off is ahead of the ledger's clock.
func (k *kit) lead(r revocast.Reckoning) int64 {
	k.Helper()
	e := revoke(newID())
	e.Reckoned = r
	got := k.commit(e).Entries[0].Event
	if got.Reckoned != (revocast.Reckoning{}) {
		k.Errorf("what was reckoned stays with the event: %+v", got)
	}
	return got.CutOff - got.At
}

func of(issuer string, ahead ...int64) revocast.Reckoning {
	r := revocast.Reckoning{Issuer: key(issuer)}
	if len(ahead) > 0 {
		r.Ahead = ahead[0]
	}
	return r
}

// about reports whether got is want, less what may have passed since it was measured.
func about(got, want int64) bool { return got <= want && got > want-900 }

func (k *kit) leads(what string, got, want int64) {
	k.Helper()
	if !about(got, want) {
		k.Errorf("%s: the cut-off is %d ms ahead, want %d", what, got, want)
	}
}

func leadAsOf(k *kit) {
	k.start()
	k.show("ahead", 3000)
	then := k.describe().Now - 20_000
	asOf := func(r revocast.Reckoning) revocast.Event {
		k.Helper()
		e := revoke(newID())
		e.Reckoned, e.From = r, then
		return k.commit(e).Entries[0].Event
	}
	for what, c := range map[string]struct {
		reckoned revocast.Reckoning
		want     int64
	}{"ahead": {of("ahead"), 3000}, "nobody": {of("nobody"), 0}, "a fleet that is behind": {of("behind", -4000), 0}} {
		e := asOf(c.reckoned)
		k.leads(what, e.CutOff-then, c.want)
		if e.From != 0 {
			k.Errorf("%s: the event keeps %d", what, e.From)
		}
	}
	if log := k.log(at(1, 0)); log[len(log)-1].From != 0 {
		k.Errorf("the log keeps it: %+v", log)
	}
	late := revoke("late")
	late.From, late.CutOff = then, then-5
	if e := k.commit(late).Entries[0].Event; e.CutOff != then-5 || e.From != 0 {
		k.Errorf("a cut-off that was given became %+v", e)
	}
}

func leadOfIssuer(k *kit) {
	k.start()
	if got := k.lead(of("ahead")); got != 0 {
		k.Errorf("an issuer that nobody has seen leads by %d", got)
	}
	s := k.show("ahead", 4000)
	if !about(s.Lead, 4000) || s.Beyond || s.Sure || s.Now == 0 {
		k.Errorf("a token of four seconds ahead: %+v", s)
	}
	k.show("ahead", -60_000) // older ones change nothing
	if got := k.lead(of("ahead")); got != s.Lead {
		k.Errorf("the cut-off is %d ms ahead, what was registered is %d", got, s.Lead)
	}
	if got := k.lead(of("other")); got != 0 {
		k.Errorf("another issuer leads by %d", got)
	}
	if d := k.describe(); d.Lead != s.Lead {
		k.Errorf("the largest lead is %d, want %d", d.Lead, s.Lead)
	}
	explicit := revoke("explicit")
	explicit.CutOff, explicit.Reckoned = s.Now, of("ahead")
	if got := k.commit(explicit).Entries[0].Event.CutOff; got != s.Now {
		k.Errorf("an explicit cut-off of %d became %d", s.Now, got)
	}
	if got := k.commit(revokeToken("t")).Entries[0].Event.CutOff; got != revocast.Forever {
		k.Errorf("the cut-off of a token is %d", got)
	}
}

func leadBeyond(k *kit) {
	k.start()
	now := k.describe().Now
	s := k.sight(port.Sighting{Issuer: key("i"), Issued: now + 20_000})
	if !s.Beyond || s.Now < now {
		k.Errorf("a token of twenty seconds ahead: %+v", s)
	}
	if got := k.lead(of("i")); got != 0 {
		k.Errorf("it was registered: %d", got)
	}
	future := revoke("a")
	future.CutOff = k.describe().Now + 15_000
	k.refused("a cut-off beyond the skew", future)
	within := revoke("a")
	within.CutOff = k.describe().Now + 9000
	k.commit(within)
}

func leadSkew(k *kit) {
	k.start()
	terms := Terms()
	terms.Skew = 30 * time.Second
	k.must(k.Ledger.SetTerms(k.ctx, terms))
	if d := k.describe(); d.Terms != terms {
		k.Fatalf("terms %+v, want %+v", d.Terms, terms)
	}
	k.show("i", 20_000)
	k.leads("twenty seconds under a skew of thirty", k.lead(of("i")), 20_000)
	terms.Skew = 2 * time.Second
	k.must(k.Ledger.SetTerms(k.ctx, terms))
	if got := k.lead(of("i")); got != 2000 {
		k.Errorf("a lead beyond a skew of two seconds became %d", got)
	}
	if s := k.show("i", 4000); !s.Beyond {
		k.Errorf("four seconds ahead under a skew of two: %+v", s)
	}
}

func leadReckoned(k *kit) {
	k.start()
	if got := k.lead(of("i", 2000)); got != 2000 {
		k.Errorf("the clocks are two seconds ahead, the cut-off %d", got)
	}
	if got := k.lead(of("i", -2000)); got != -2000 {
		k.Errorf("the clocks are two seconds behind, the cut-off %d", got)
	}
	if got := k.lead(of("i", -400)); got != 0 {
		k.Errorf("clocks that are next to in step: %d", got)
	}
	if got := k.lead(of("i", -99_000)); got != -10_000 {
		k.Errorf("beyond the skew: %d", got)
	}
	s := k.show("i", -10) // the issuer is in step with the ledger, whatever others are
	if got := k.lead(of("i", -2000)); got < s.Lead || got > 0 {
		k.Errorf("a token of %d was shown, the cut-off is at %d", s.Lead, got)
	}
	s = k.show("j", -2100)
	k.leads("an issuer that is behind as the clocks are", k.lead(of("j", -2000)), -2000)
	k.show("k", 3000)
	k.leads("ahead of all clocks", k.lead(of("k", 1000)), 3000)
}

func leadBehind(k *kit) {
	k.start()
	now := k.describe().Now
	// The same difference at different times, which a test makes by letting tokens be older.
	for i := range 4 {
		if got := k.lead(of("i")); got != 0 {
			k.Errorf("after %d tokens the cut-off is at %d", i, got)
		}
		s := k.sight(port.Sighting{Issuer: key("i"), Issued: odd(now - 4000 - int64(i))})
		if s.Sure {
			k.Errorf("sure after %d tokens of one moment", i+1)
		}
	}
	for i := range 3 {
		wait(k, 1100*time.Millisecond)
		s := k.show("i", -4000)
		if sure := i == 2; s.Sure != sure {
			k.Errorf("after %d more tokens: %+v", i+1, s)
		}
	}
	if got := k.lead(of("i")); got > -3900 || got < -4100 {
		k.Errorf("an issuer that is four seconds behind has a cut-off at %d", got)
	}
	k.show("i", -10)
	if got := k.lead(of("i")); got != 0 {
		k.Errorf("after a token that is not behind: %d", got)
	}
}

func leadWhole(k *kit) {
	k.start()
	now := k.describe().Now
	s := k.sight(port.Sighting{Issuer: key("i"), Issued: (now + 3000) / 1000 * 1000})
	if s.Lead > 3000 || s.Lead < 1000 {
		k.Errorf("a token of whole seconds: %+v", s)
	}
	if got := k.lead(of("i")); got != s.Lead {
		k.Errorf("the cut-off is %d ahead, want %d", got, s.Lead)
	}
}

func leadAll(k *kit) {
	k.start()
	k.show("i", 4000)
	k.show("j", 1000)
	k.leads("every issuer", k.lead(revocast.Reckoning{}), 4000)
	k.leads("one issuer", k.lead(of("j")), 1000)
}

func leadTurns(k *kit) {
	k.start()
	s := k.show("i", 4000)
	turn := func(over, want uint64) {
		k.Helper()
		got, err := k.Ledger.TurnLeads(k.ctx, over)
		k.must(err)
		if got != want || k.describe().Turn != want {
			k.Errorf("turn %d, want %d", got, want)
		}
	}
	turn(7, 0)
	turn(0, 1)
	turn(0, 1)
	if got := k.lead(of("i")); got != s.Lead {
		k.Errorf("after one turn the lead is %d, want %d", got, s.Lead)
	}
	if again := k.show("i", 1000); again.Lead != s.Lead {
		k.Errorf("a smaller lead after one turn: %+v, want %d", again, s.Lead)
	}
	turn(1, 2)
	k.leads("after two turns", k.lead(of("i")), 1000)
	turn(2, 3)
	turn(3, 4)
	if got := k.lead(of("i")); got != 0 {
		k.Errorf("after all turns the lead is %d", got)
	}
}

func leadSetBack(k *kit) {
	k.start()
	r := of("i")
	r.Now = k.describe().Now + 5000
	k.leads("the ledger's clock was five seconds further", k.lead(r), 5000)
	r.Now = k.describe().Now - 5000
	if got := k.lead(r); got != 0 {
		k.Errorf("the ledger's clock went on, the cut-off is %d ahead", got)
	}
	r.Now = k.describe().Now + 60_000
	if got := k.lead(r); got != 10_000 {
		k.Errorf("beyond the skew: %d", got)
	}
}

func leadUnsettled(k *kit) {
	k.start()
	r := of("i")
	r.Lead = 4000
	if got := k.lead(r); got != 0 {
		k.Errorf("a settled ledger goes by what a publisher saw: %d", got)
	}
	k.Replace()
	d := k.describe()
	o := opening(d)
	o.Settled = false
	k.must(k.Ledger.Open(k.ctx, o))
	if got := k.lead(r); got != 4000 {
		k.Errorf("an unsettled ledger has a lead of %d", got)
	}
	k.show("i", 6000)
	k.leads("what was registered since", k.lead(r), 6000)
}

func leadAgain(k *kit) {
	k.start()
	if s := k.sight(port.Sighting{Issuer: key("i"), Known: 4000}); s.Lead != 4000 || s.Sure {
		k.Errorf("a lead registered again: %+v", s)
	}
	if s := k.sight(port.Sighting{Issuer: key("i"), Known: 1000}); s.Lead != 4000 {
		k.Errorf("a smaller one: %+v", s)
	}
	if got := k.lead(of("i")); got != 4000 {
		k.Errorf("the cut-off is %d ahead", got)
	}
	k.sight(port.Sighting{Issuer: key("j"), Known: 40_000})
	if got := k.lead(of("j")); got != 0 {
		k.Errorf("one beyond the skew became %d", got)
	}
}

func leadInvalid(k *kit) {
	k.start()
	for _, s := range []port.Sighting{
		{Issued: 1},
		{Issuer: key("i"), Issued: -1},
		{Issuer: key("i"), Issued: revocast.Forever + 1},
		{Issuer: key("i"), Known: port.MaxSkew.Milliseconds() + 1},
	} {
		_, err := k.Ledger.Sight(k.ctx, s)
		k.fails("a sighting", err, revocast.ErrInvalid)
	}
	k.Replace()
	_, err := k.Ledger.Sight(k.ctx, port.Sighting{Issuer: key("i"), Issued: 1})
	k.fails("a sighting at another server", err, revocast.ErrRecovering)
	_, err = k.Ledger.TurnLeads(k.ctx, 0)
	k.fails("a turn at another server", err, revocast.ErrRecovering)
}

// wait lets d pass by the ledger's clock.
func wait(k *kit, d time.Duration) {
	k.Helper()
	for end := k.describe().Now + d.Milliseconds(); k.describe().Now < end; {
		if k.ctx.Err() != nil {
			k.Fatal("the ledger's clock stands still")
		}
	}
}
