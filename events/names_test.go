package events

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
)

func TestTokensAreOneTokenEach(t *testing.T) {
	text := property.StringOf(property.Runes('a', 'z')+".*> \n=😀$/\\", 1, 12)
	property.Check(t, func(t *property.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		token := escapeToken(a)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n") {
			t.Fatalf("%q became %q", a, token)
		}
		if (a == b) != (token == escapeToken(b)) {
			t.Fatalf("%q and %q both became %q", a, b, token)
		}
	})
	if got := escapeToken("web-1.eu_west"); got != "web-1=2Eeu_west" {
		t.Errorf("a plain name became %q", got)
	}
}

func TestNamesOfARealm(t *testing.T) {
	n, err := newRealmNames("prod-eu_1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		n.events:                         "rv.prod-eu_1.ev.*",
		n.kind(revocast.KindRevoked):     "rv.prod-eu_1.ev.revoked",
		n.kind(revocast.KindInvalidated): "rv.prod-eu_1.ev.invalidated",
		n.epoch:                          "rv.prod-eu_1.epoch",
		n.acks:                           "rv.prod-eu_1.ack.*.*",
		n.ack("web", "w.1"):              "rv.prod-eu_1.ack.web.w=2E1",
		n.snapshots:                      "rv.prod-eu_1.snap.>",
		n.snapHead:                       "rv.prod-eu_1.snap.head",
		n.snapSlots[0]:                   "rv.prod-eu_1.snap.a.",
		n.snapSlots[1]:                   "rv.prod-eu_1.snap.b.",
		n.chunk(1, snapID{15: 0xaf}, 10): "rv.prod-eu_1.snap.b.000000000000000000000000000000af.10",
		n.snapStream:                     "RVSNAP_prod-eu_1",
		n.eventStream:                    "RV_prod-eu_1",
		n.epochStream:                    "RVEPOCH_prod-eu_1",
	}
	for got, want := range want {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	for version, suited := range map[string]bool{
		"2.11.0": true, "2.12.0-RC.1": true, "2.15.2": true, "3.0.0": true, "2.11": true,
		"2.10.29": false, "1.4.1": false, "": false, "new": false, "2.x": false,
	} {
		if err := checkVersion(version); (err == nil) != suited {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

func TestStraysAreReportedOnceAMinuteAndKind(t *testing.T) {
	var k, other strayKind
	start := time.Unix(1_700_000_000, 0)
	var due, suppressed []uint64
	for s := range uint64(180) {
		k.count.Add(1)
		if n, yes := k.due(start.Add(time.Duration(s) * time.Second)); yes {
			due, suppressed = append(due, s), append(suppressed, n)
		}
	}
	if !slices.Equal(due, []uint64{0, 60, 120}) || !slices.Equal(suppressed, []uint64{0, 59, 59}) {
		t.Errorf("reported in seconds %v with %v suppressed, want 0, 60 and 120 with 0, 59 and 59", due, suppressed)
	}
	other.count.Add(1)
	if n, yes := other.due(start.Add(180 * time.Second)); !yes || n != 0 {
		t.Errorf("another kind: %d suppressed, %v", n, yes)
	}
}

func TestRedact(t *testing.T) {
	const in = "nats://user:p@ss@a:4222, token@b ,tls://c:4222"
	if got := redact(in); got != "nats://a:4222,nats://b,tls://c:4222" {
		t.Errorf("%q became %q", in, got)
	}
}
