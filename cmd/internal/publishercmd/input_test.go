package publishercmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestMoment(t *testing.T) {
	for text, offset := range map[string]time.Duration{"+24h": 24 * time.Hour, "-10m": -10 * time.Minute} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if off := time.Until(m.Time.Time) - offset; off > time.Second || off < -time.Second {
			t.Errorf("%s is off by %s", text, off)
		}
	}
	var m moment
	if err := m.UnmarshalText([]byte("2030-01-02T03:04:05.678+01:00")); err != nil || m.UnixMilli() != 1893549845678 {
		t.Errorf("%v, %v", m, err)
	}
	for _, text := range []string{"", "tomorrow", "24h", "+24", "2030-01-02", "1969-01-01T00:00:00Z"} {
		if err := new(moment).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestLines(t *testing.T) {
	const one = `{"scope":"session","id":"s"}` + "\n"
	for _, c := range []struct {
		name, text string
		good       int
		err        string // in the error; empty: read to the end
	}{
		{name: "nothing"},
		{name: "blank lines", text: "\n" + one + "\n  \n" + one, good: 2},
		{name: "no newline at the end", text: one + strings.TrimSpace(one), good: 2},
		{name: "carriage returns", text: strings.ReplaceAll(one+one, "\n", "\r\n"), good: 2},
		{name: "an unknown field", text: one + `{"scope":"session","sid":"s"}`, good: 1, err: "line 2: "},
		{name: "a batch", text: one + one + `{"revocations":[]}`, good: 2, err: "line 3: "},
		{name: "a strength", text: `{"scope":"session","id":"s","strength":"durable"}`, err: "line 1: "},
		{name: "a long line", text: one + strings.Repeat("x", maxLine+1), good: 1, err: "line 2: "},
		{name: "no JSON", text: "session s", err: "line 1: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, total := newLineReader(strings.NewReader(c.text)), 0
			var err error
			for err == nil {
				list, _, e := lines.batch(2)
				total, err = total+len(list.List), e
			}
			if total != c.good {
				t.Errorf("%d good lines, want %d", total, c.good)
			}
			switch {
			case c.err == "" && err != io.EOF:
				t.Errorf("ended with %v", err)
			case c.err != "" && (!errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), c.err)):
				t.Errorf("ended with %v, want ErrInvalid at %s", err, c.err)
			}
		})
	}
}

// TestBatchesFit: whatever the lines hold, each call's body is one that the server reads,
// and none of them is left out, repeated or moved.
func TestBatchesFit(t *testing.T) {
	long := strings.Repeat("<", maxLine-200) // six bytes each, as it is sent
	for name, ids := range map[string][]string{
		"long ones": {long, long, long, long, long, "short", long},
		"many":      slices.Repeat([]string{strings.Repeat("x", 2000)}, 1200),
		"one":       {long},
	} {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for i, id := range ids {
				fmt.Fprintf(&text, "{\"scope\":\"session\",\"id\":\"%d%s\"}\n", i, id)
			}
			lines := newLineReader(strings.NewReader(text.String()))
			var seen, calls int
			for err := error(nil); err == nil; calls++ {
				var list *apitypes.Revocations
				var upTo int
				list, upTo, err = lines.batch(revocast.MaxBatch)
				body, e := json.Marshal(
					apitypes.Revocations{List: list.List, Batch: true, Strength: revocast.Confirmed},
				)
				if e != nil || len(body) > apitypes.MaxBody {
					t.Fatalf("a body of %d bytes for %d revocations, %v", len(body), len(list.List), e)
				}
				for _, r := range list.List {
					if want := fmt.Sprint(seen, ids[seen]); r.ID != strings.Replace(want, " ", "", 1) {
						t.Fatalf("revocation %d is %.20q", seen, r.ID)
					}
					seen++
				}
				if len(list.List) > 0 && upTo != seen {
					t.Errorf("up to line %d after %d", upTo, seen)
				}
				if err != nil && err != io.EOF {
					t.Fatal(err)
				}
			}
			if seen != len(ids) || name != "one" && calls < 3 {
				t.Errorf("%d of %d in %d calls", seen, len(ids), calls)
			}
		})
	}
}

func TestBearer(t *testing.T) {
	for in, want := range map[string]string{"t\n": "t", " Bearer t ": "t", "bearer  t": "t", "t": "t"} {
		if got, err := readBearer(t.Context(), &wiring.Streams{In: strings.NewReader(in)}); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", " \n"} {
		if _, err := readBearer(t.Context(), &wiring.Streams{In: strings.NewReader(in)}); err == nil {
			t.Errorf("%q was taken", in)
		}
	}
}

func TestProgress(t *testing.T) {
	p := &progress{total: 100}
	if got, want := p.text(50, 50, time.Second), "[###############---------------]  50%  50 "+
		"revoked, 50/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (&progress{}).text(50, 50, 2*time.Second), "50 revoked, 25/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var out strings.Builder
	quiet := newProgress(&out, strings.NewReader(""))
	quiet.show(1, 1)
	quiet.clear()
	if out.Len() > 0 {
		t.Errorf("%q was drawn, not on a terminal", out.String())
	}
}
