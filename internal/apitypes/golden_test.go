package apitypes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

func instant() time.Time {
	return time.Date(2030, 1, 2, 4, 4, 5, 678_999_999, time.FixedZone("CET", 3600))
}

func shapes() map[string]any {
	at, ms := instant(), instant().UnixMilli()
	session := revocast.KeyOf("r", revocast.ScopeSession, "i", "s")
	principal := revocast.KeyOf("r", revocast.ScopePrincipal, "i", "alice")
	claims := &revocast.Claims{
		Issuer: "i", Principal: "alice", Session: "s", TokenID: "j", Client: "c", Tenant: "t", KeyID: "k",
		IssuedAt: at, AuthTime: at, Expires: at, Extra: map[string]any{"role": "admin"},
	}
	return map[string]any{
		"receipt": apitypes.NewReceipt(revocast.Receipt{
			Position: revocast.Position{Epoch: 1, Rev: 42}, Strength: revocast.Confirmed,
			At: at, CutOff: at, NotBefore: at.Add(time.Millisecond),
			Workers: revocast.Tally{Live: 3, Confirmed: 2, Lapsed: 1}, Took: 1_420_499 * time.Nanosecond,
			Warnings: []string{"no worker is connected"},
		}),
		"receipt_token": apitypes.NewReceipt(revocast.Receipt{
			Position: revocast.Position{Epoch: 1, Rev: 43}, Strength: revocast.Committed, At: at, Took: time.Second,
		}),
		"receipts": apitypes.Receipts{Receipts: []apitypes.Receipt{}},
		"request_single": apitypes.Revocations{List: []apitypes.Revocation{
			{Scope: revocast.ScopePrincipal, ID: "alice", Except: "s", CutOff: apitypes.At(at)},
		}, Strength: revocast.Durable},
		"request_batch":  apitypes.Revocations{List: []apitypes.Revocation{{Scope: revocast.ScopeAll}}, Batch: true},
		"request_ban":    apitypes.Ban{Until: apitypes.At(at), Reason: "r"},
		"request_logout": apitypes.Logout{},
		"standing_cutoff": apitypes.NewStanding(revocast.ScopePrincipal, "i", "alice", revocast.State{
			CutOff: ms, Except: session, Floor: ms - 1000, Until: ms + 1000, At: revocast.Position{Epoch: 1, Rev: 7},
		}),
		"standing_token": apitypes.NewStanding(revocast.ScopeToken, "", "j", revocast.State{
			CutOff: revocast.Forever, Floor: revocast.Forever, Until: ms, At: revocast.Position{Epoch: 1, Rev: 8},
		}),
		"standing_ban": apitypes.NewStanding(revocast.ScopePrincipal, "", "alice",
			revocast.State{Until: ms, At: revocast.Position{
				Epoch: 1, Rev: 9,
			}, Ban: revocast.BanState{Until: ms, At: revocast.Position{Epoch: 1, Rev: 9}}}),
		"event_revoked": apitypes.NewEvent(revocast.Event{
			Position: revocast.Position{
				Epoch: 1, Rev: 42,
			}, Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: principal, At: ms, CutOff: ms,
			Except: session, Until: ms, Cause: revocast.Cause{Reason: "r", Initiator: "user"},
		}),
		"event_token": apitypes.NewEvent(revocast.Event{
			Position: revocast.Position{Epoch: 1, Rev: 43}, Kind: revocast.KindRevoked, Scope: revocast.ScopeToken,
			Key: principal, At: ms, CutOff: revocast.Forever, Until: ms,
		}),
		"event_lifted": apitypes.NewEvent(revocast.Event{Position: revocast.Position{
			Epoch: 1, Rev: 44,
		}, Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal, Key: principal, At: ms}),
		"verdict_allowed": apitypes.NewVerdict(claims, revocast.Verdict{
			Outcome: revocast.Allowed, Source: revocast.SourceMemory, Position: revocast.Position{Epoch: 1, Rev: 42},
			Age: 12_900 * time.Microsecond,
		}),
		"verdict_banned": apitypes.NewVerdict(&revocast.Claims{Principal: "alice"}, revocast.Verdict{
			Outcome: revocast.Revoked, Source: revocast.SourceLedger, Scope: revocast.ScopePrincipal,
			Position: revocast.Position{Epoch: 1, Rev: 42}, Err: revocast.ErrBanned,
		}),
		"verdict_expired": apitypes.NewVerdict(nil,
			revocast.Verdict{Outcome: revocast.Invalid, Err: fmt.Errorf("%w: an hour ago", revocast.ErrExpired)}),
		"verdict_unknown": apitypes.NewVerdict(nil, revocast.Verdict{Err: revocast.ErrUnknown}),
		"logged_in":       apitypes.NewLoggedIn("t", "s", 15*time.Minute),
		"fleet": apitypes.Fleet{
			Ledger: apitypes.Ledger{
				State: "open", Position: "1-42", Durable: "1-42", Trimmed: "1-0", Settled: true, Server: "abc",
				Now: apitypes.At(at), LeaseMS: 3000, Drift: 0.01,
			},
			Stream: apitypes.Stream{
				Whole: "1-42", Sequence: 57, Created: apitypes.At(at), SeenAt: apitypes.At(at), AgeMS: 1200,
				Error: "unavailable",
			},
			Workers: []apitypes.Worker{{
				Class: "web", Worker: "w1", Incarnation: "x", Position: "1-41", Lag: 1, Version: "v1",
				Seen: apitypes.At(at), LeaseLeftMS: 2500,
			}},
			Unacked: 1, OldestUnackedMS: 3.5, Waiting: 2,
		},
	}
}

// TestGolden compares every JSON shape with testdata; -update writes testdata again. Scripts rely
// on these shapes: names are only ever added.
func TestGolden(t *testing.T) {
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(shape, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			path := filepath.Join("testdata", "golden", name+".json")
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

var _ = flag.Bool("update", false, "write the golden files again")

// TestGoldenFiles finds files that belong to no shape any more.
func TestGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(shapes()) {
		t.Errorf("%d files for %d shapes", len(files), len(shapes()))
	}
}

func TestReceiptRoundTrip(t *testing.T) {
	want := revocast.Receipt{
		Position: revocast.Position{Epoch: 2, Rev: 1 << 60}, Strength: revocast.Durable,
		At: instant().UTC().Truncate(time.Millisecond), CutOff: instant().UTC().Truncate(time.Millisecond),
		Workers: revocast.Tally{Live: 5, Confirmed: 4, Lapsed: 1}, Took: 1234 * time.Microsecond,
		Warnings: []string{"a", "b"},
	}
	data, err := json.Marshal(apitypes.NewReceipt(want))
	if err != nil {
		t.Fatal(err)
	}
	var got apitypes.Receipt
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Domain(), want) {
		t.Errorf("got %+v, want %+v", got.Domain(), want)
	}
}

func TestTimeIsCutNotRounded(t *testing.T) {
	data, err := json.Marshal(apitypes.At(instant()))
	if err != nil || string(data) != `"2030-01-02T03:04:05.678Z"` {
		t.Errorf("%s, %v", data, err)
	}
}

// TestRoundTrips: a client decodes from an answer exactly what the server had.
func TestRoundTrips(t *testing.T) {
	ms, at := instant().UnixMilli(), revocast.Position{Epoch: 1, Rev: 7}
	session := revocast.KeyOf("r", revocast.ScopeSession, "i", "s")
	for _, want := range []revocast.State{
		{CutOff: ms, Except: session, Floor: ms - 1000, Until: ms + 1000, At: at},
		{CutOff: ms, Except: session, At: at},
		{CutOff: ms, Floor: ms, At: at},
		{CutOff: revocast.Forever, Floor: revocast.Forever, Until: ms, At: at},
		{Until: ms, At: at, Ban: revocast.BanState{From: ms - 1, Until: ms, At: at}},
	} {
		var s apitypes.Standing
		through(t, apitypes.NewStanding(revocast.ScopePrincipal, "i", "alice", want), &s)
		if got, err := s.Domain(); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for _, want := range []revocast.Event{
		{
			Position: at, Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: session,
			At: ms, CutOff: ms, Except: session, Until: ms, Cause: revocast.Cause{Reason: "r", Initiator: "user"},
		},
		{
			Position: at, Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: session,
			At: ms, CutOff: revocast.Forever,
		},
		{
			Position: at, Kind: revocast.KindBanned, Scope: revocast.ScopePrincipal, Key: session,
			At: ms, From: ms, Until: ms + 1,
		},
	} {
		var e apitypes.Event
		through(t, apitypes.NewEvent(want), &e)
		if got, err := e.Domain(); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	whole := instant().UTC().Truncate(time.Millisecond)
	revocation := revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: "a", Issuer: "i", Except: "s", CutOff: whole, AsOf: whole, Until: whole,
		Cause: revocast.Cause{Reason: "r", Initiator: "user"},
	}
	data, err := json.Marshal(apitypes.NewRevocation(revocation))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := apitypes.DecodeRevocations(data); err != nil || got.Domain()[0] != revocation {
		t.Errorf("%s: got %+v, %v", data, got, err)
	}
}

// through encodes what a server says and decodes it into out.
func through(t *testing.T, answer, out any) {
	t.Helper()
	data, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestForeignAnswers: an answer that no server of ours gives is an error, and sets nothing.
func TestForeignAnswers(t *testing.T) {
	good := apitypes.NewEvent(revocast.Event{Kind: revocast.KindRevoked, Scope: revocast.ScopeToken})
	for name, change := range map[string]func(*apitypes.Event){
		"position": func(e *apitypes.Event) { e.Position = "x" }, "kind": func(e *apitypes.Event) { e.Kind = "x" },
		"scope": func(e *apitypes.Event) { e.Scope = "x" }, "key": func(e *apitypes.Event) { e.Key = "x" },
		"exception": func(e *apitypes.Event) { e.ExceptKey = "x" },
	} {
		e := good
		change(&e)
		if got, err := e.Domain(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, s := range map[string]apitypes.Standing{
		"position": {Position: "x"}, "exception": {Position: "1-1", ExceptKey: "x"},
		"ban": {Position: "1-1", Ban: &apitypes.Bar{Position: "x"}},
	} {
		if got, err := s.Domain(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("standing, %s: %+v, %v", name, got, err)
		}
	}
	for name, b := range map[string]apitypes.Banned{"key": {Key: "x"}, "position": {Key: revocast.Key{1}.String()}} {
		if _, got, err := b.Domain(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("ban, %s: %+v, %v", name, got, err)
		}
	}
}
