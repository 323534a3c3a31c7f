package apitypes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

// FuzzDecodeRevocations: a refused body is refused as invalid. An accepted body means the same
// after a round trip, and encoding/json reads the same.
func FuzzDecodeRevocations(f *testing.F) {
	for _, c := range refusals() {
		if len(c[0]) < 4096 {
			f.Add([]byte(c[0]))
		}
	}
	f.Add([]byte(`{"scope":"principal","id":"\ud83d\ude00","cutoff":"2030-01-02T03:04:05.6789Z","strength":"durable"}`))
	f.Add([]byte(`{"strength":"committed","revocations":[{"scope":"all"},{"scope":"key","id":"k","issuer":"i"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := apitypes.DecodeRevocations(data)
		if err != nil {
			if !errors.Is(err, revocast.ErrInvalid) || !utf8.ValidString(err.Error()) {
				t.Fatalf("%v", err)
			}
			return
		}
		first, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		back, err := apitypes.DecodeRevocations(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := json.Marshal(back); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s (%v)", first, second, err)
		}
		if !got.Batch {
			var loose struct{ ID string }
			if err := json.Unmarshal(data, &loose); err != nil || loose.ID != got.List[0].ID {
				t.Fatalf("encoding/json reads %q (%v), we read %q", loose.ID, err, got.List[0].ID)
			}
		}
	})
}

// FuzzDecodeRequests runs every other decoder.
func FuzzDecodeRequests(f *testing.F) {
	for _, seed := range []string{
		`{"token":"t","strength":"durable"}`, `{"principal":"alice","keep_session":"s"}`,
		`{"until":"2030-01-01T00:00:00Z","from":null}`, `{"scope":"session","id":"s"}`, `{"token":"\ud800"}`, `{`, `[]`,
		``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, req := range []apitypes.Request{
			&apitypes.Logout{}, &apitypes.PasswordChanged{}, &apitypes.Ban{},
			&apitypes.Invalidation{}, &apitypes.Login{}, &apitypes.Check{},
		} {
			err := apitypes.Decode(data, req)
			if err != nil {
				if !errors.Is(err, revocast.ErrInvalid) {
					t.Fatalf("%T: %v", req, err)
				}
				continue
			}
			again, err := json.Marshal(req)
			if err != nil {
				t.Fatal(err)
			}
			if err := apitypes.Decode(again, req); err != nil {
				t.Fatalf("%T: %s: %v", req, again, err)
			}
		}
	})
}
