package sqltest

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// TestTimeZoneMistakeThatMakesLogoutANoOpWestOfUTC: the process far in the west, then in
// the east; the sessions of the databases are in the west and their servers in the east.
func TestTimeZoneMistakeThatMakesLogoutANoOpWestOfUTC(t *testing.T) {
	for _, hours := range []int{-8, 12} {
		t.Run(fmt.Sprint(hours), func(t *testing.T) {
			t.Parallel()
			zone := filepath.Join(t.TempDir(), "zone")
			must(t, os.WriteFile(zone, zoneFile(hours), 0o600))
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestZone$", "-test.v")
			cmd.Env = append(os.Environ(), "TZ="+zone)
			out, err := cmd.CombinedOutput()
			if err != nil || strings.Count(string(out), "--- PASS: TestZone/") != 3 || !strings.Contains(string(out), fmt.Sprintf("zone %d\n", hours)) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// zoneFile is a time zone of one offset from UTC for ever, as RFC 9636 §3 has it, so that
// the test does not depend on the zones that the machine knows.
func zoneFile(hours int) []byte {
	file := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []uint32{0, 0, 0, 0, 1, 4} { // one type, and its name of four bytes
		file = binary.BigEndian.AppendUint32(file, count)
	}
	file = binary.BigEndian.AppendUint32(file, uint32(int32(hours*3600)))
	return append(file, 0, 0, 'T', 'S', 'T', 0)
}

// TestZone runs by itself, too, wherever the process is.
func TestZone(t *testing.T) {
	_, offset := time.Now().Zone()
	t.Logf("zone %d", offset/3600)
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		old := time.Now().Add(-10 * time.Second)
		refs := w.record(
			principal("alice"),
			sqloutbox.Revoke(revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob", CutOff: old}),
			sqloutbox.Ban(revocast.Ban{Principal: "carol", Until: time.Now().Add(time.Minute)}),
		)
		r := w.relay()
		_, err := r.Complete(t.Context(), refs...)
		must(t, err)
		soon := time.Now().Add(time.Second)
		for _, c := range []struct {
			user   string
			issued time.Time
			want   bool
		}{
			{"alice", old, true},
			{"alice", soon, false},
			{"bob", old, true},
			{"bob", old.Add(time.Second), false},
			{"carol", soon, true},
		} {
			s := w.standing(revocast.ScopePrincipal, c.user)
			if got := s.Against(c.issued.UnixMilli(), revocast.Key{}, time.Now().UnixMilli()).Covered; got != c.want {
				t.Errorf("%s, issued %s: covered %v, want %v", c.user, c.issued, got, c.want)
			}
		}
		if got := time.Now().UnixMilli() - w.number("SELECT MIN(created_ms) FROM revocast_outbox"); got < -1000 || got > 60_000 {
			t.Errorf("the database's clock is %d ms off", got)
		}
		w.clear()
	})
}
