package apitypes_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// refusals is every way to get a body wrong, and what the error must mention.
func refusals() map[string][2]string {
	many := strings.Repeat(`{"scope":"token","id":"x"},`, revocast.MaxBatch+1)
	return map[string][2]string{
		"empty":              {``, "empty"},
		"blank":              {" \n\t", "empty"},
		"array":              {`[{"scope":"token","id":"x"}]`, "the body: want an object, got an array"},
		"string":             {`"x"`, "got a string"},
		"null":               {`null`, "the body is null"},
		"not JSON":           {`scope=token`, "not JSON"},
		"cut off":            {`{"scope":"token"`, "ends in the middle"},
		"cut off in a value": {`{"scope":"tok`, "ends in the middle"},
		"two values":         {`{"scope":"token","id":"x"}{}`, "more after"},
		"rubbish behind":     {`{"scope":"token","id":"x"} x`, "more after"},
		"unknown field":      {`{"scope":"token","id":"x","idd":"y"}`, `unknown field "idd"`},
		"another case":       {`{"Scope":"token","id":"x"}`, `unknown field "Scope"`},
		"field twice":        {`{"scope":"token","id":"x","id":"y"}`, `"id" is there twice`},
		"no scope":           {`{"id":"x"}`, `"scope" is missing`},
		"null scope":         {`{"scope":null,"id":"x"}`, `"scope" is missing`},
		"unknown scope":      {`{"scope":"user","id":"x"}`, `field "scope": scope "user"`},
		"scope in capitals":  {`{"scope":"TOKEN","id":"x"}`, `field "scope"`},
		"number for string":  {`{"scope":"token","id":7}`, `field "id": want a string, got a number`},
		"boolean for string": {`{"scope":"token","id":true}`, `field "id": want a string, got a boolean`},
		"object for string":  {`{"scope":"token","id":{}}`, `field "id": want a string, got an object`},
		"number for time": {
			`{"scope":"principal","id":"x","cutoff":1700000000}`, `field "cutoff": want a string`,
		},
		"no time": {
			`{"scope":"principal","id":"x","cutoff":"yesterday"}`, `field "cutoff": "yesterday" is not a time`,
		},
		"empty time":        {`{"scope":"principal","id":"x","until":""}`, `field "until": "" is not a time`},
		"time without zone": {`{"scope":"principal","id":"x","until":"2030-01-01T00:00:00"}`, `field "until"`},
		"before 1970": {`{"scope":"principal","id":"x",` +
			`"cutoff":"1969-12-31T23:59:59Z"}`, `"cutoff": "1969-12-31T23:59:59Z" is not after 1970`},
		"year one":            {`{"scope":"principal","id":"x","cutoff":"0001-01-01T00:00:00Z"}`, `not after 1970`},
		"unknown strength":    {`{"scope":"token","id":"x","strength":"sure"}`, `field "strength"`},
		"number for strength": {`{"scope":"token","id":"x","strength":3}`, `field "strength": want a string`},
		"invalid UTF-8":       {"{\"scope\":\"token\",\"id\":\"\xff\"}", "not valid UTF-8"},
		"half a pair":         {`{"scope":"token","id":"\ud800"}`, "half of a surrogate pair"},
		"half a pair in text": {`{"scope":"token","id":"a\ud83dx"}`, "half of a surrogate pair"},
		"second half first":   {`{"scope":"token","id":"\ude00\ud83d"}`, "half of a surrogate pair"},
		"pair with a gap":     {`{"scope":"token","id":"\ud83d \ude00"}`, "half of a surrogate pair"},
		"bad escape":          {`{"scope":"token","id":"\x"}`, "not JSON"},
		"no batch":            {`{"revocations":[]}`, "holds none"},
		"batch is null":       {`{"revocations":null}`, "holds none"},
		"batch is an object":  {`{"revocations":{}}`, `field "revocations": want an array, got an object`},
		"both forms": {
			`{"revocations":[{"scope":"token","id":"x"}],"scope":"token"}`, `unknown field "scope"`,
		},
		"over the limit": {
			`{"revocations":[` + strings.TrimSuffix(many, ",") + `]}`, "501 revocations in one call, at most 500",
		},
		"item is no object": {
			`{"revocations":[{"scope":"token","id":"x"},7]}`, `revocations[1]: want an object, got a number`,
		},
		"item without scope": {
			`{"revocations":[{"scope":"token","id":"x"},{}]}`, `"revocations[1].scope" is missing`,
		},
		"item with a typo": {
			`{"revocations":[{"scope":"token","idd":"x"}]}`, `unknown field "revocations[0].idd"`,
		},
		"item with a bad time": {
			`{"revocations":[{"scope":"all","cutoff":"x"}]}`, `field "revocations[0].cutoff": "x" is not a time`,
		},
		"item with strength": {`{"revocations":[{"scope":"token",` +
			`"id":"x","strength":"durable"}]}`, `unknown field "revocations[0].strength"`},
		"item twice the field": {
			`{"revocations":[{"scope":"token","scope":"token"}]}`, `"revocations[0].scope" is there twice`,
		},
		"deep nesting":          {strings.Repeat(`{"revocations":[`, 20000), "JSON"},
		"batch ends in between": {`{"revocations":[{"scope":"token"`, "ends in the middle"},
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range refusals() {
		t.Run(name, func(t *testing.T) {
			got, err := apitypes.DecodeRevocations([]byte(c[0]))
			if !errors.Is(err, revocast.ErrInvalid) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if !strings.Contains(err.Error(), c[1]) {
				t.Errorf("%q does not speak of %q", err, c[1])
			}
			if strings.Count(err.Error(), revocast.ErrInvalid.Error()) != 1 {
				t.Errorf("%q repeats itself", err)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	cases := map[string]struct {
		body     string
		want     revocast.Revocation
		strength revocast.Strength
	}{
		"least": {`{"scope":"token","id":"x"}`, revocast.Revocation{Scope: revocast.ScopeToken, ID: "x"}, 0},
		"all fields": {
			`{"scope":"principal","id":"alice","issuer":"i","except":"s","cutoff":"2030-01-02T03:04:05.678Z",
			  "until":"2030-01-02T04:04:05.678+01:00","reason":"r","initiator":"user","strength":"durable"}`,
			revocast.Revocation{
				Scope: revocast.ScopePrincipal, ID: "alice", Issuer: "i", Except: "s",
				CutOff: at, Until: at, Cause: revocast.Cause{Reason: "r", Initiator: "user"},
			},
			revocast.Durable,
		},
		"null is absent": {
			`{"scope":"all","issuer":null,"cutoff":null}`, revocast.Revocation{Scope: revocast.ScopeAll}, 0,
		},
		"any fraction": {`{"scope":"all","cutoff":"2030-01-02T03:04:05.678000000000Z"}`, revocast.Revocation{
			Scope: revocast.ScopeAll, CutOff: at,
		}, 0},
		"escapes": {`{"scope":"token","id":"\ud83d\ude00 \\ud800 \u002f\n"}`, revocast.Revocation{
			Scope: revocast.ScopeToken, ID: "😀 \\ud800 /\n",
		}, 0},
		"a real U+FFFD": {
			`{"scope":"token","id":"\ufffd�"}`, revocast.Revocation{Scope: revocast.ScopeToken, ID: "��"}, 0,
		},
		"id named revocations": {`{"scope":"token","id":"revocations"}`, revocast.Revocation{
			Scope: revocast.ScopeToken, ID: "revocations",
		}, 0},
		"wildcards in NATS ids": {
			`{"scope":"session","id":"a.*.>:b"}`, revocast.Revocation{Scope: revocast.ScopeSession, ID: "a.*.>:b"}, 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := apitypes.DecodeRevocations([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r := got.Domain()[0]
			r.CutOff, r.Until = r.CutOff.UTC(), r.Until.UTC()
			if c.want.CutOff.IsZero() {
				r.CutOff = time.Time{}
			}
			if c.want.Until.IsZero() {
				r.Until = time.Time{}
			}
			if got.Batch || r != c.want || got.Strength != c.strength {
				t.Errorf("got %+v strength %v", r, got.Strength)
			}
		})
	}
}

func TestAcceptedBatch(t *testing.T) {
	items := make([]string, revocast.MaxBatch)
	for i := range items {
		items[i] = fmt.Sprintf(`{"scope":"session","id":"s%d"}`, i)
	}
	got, err := apitypes.DecodeRevocations(
		[]byte(`{"strength":"committed","revocations":[` + strings.Join(items, ",") + `]}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Batch || len(got.List) != revocast.MaxBatch || got.List[499].ID != "s499" ||
		got.Strength != revocast.Committed {
		t.Errorf("got %d, strength %v", len(got.List), got.Strength)
	}
}

func TestOtherRequests(t *testing.T) {
	cases := []struct {
		req  apitypes.Request
		body string
		want string // empty: accepted
	}{
		{&apitypes.Logout{}, `{}`, ""},
		{&apitypes.Logout{}, `{"token":"t","strength":"durable"}`, ""},
		{&apitypes.Logout{}, `{"token":7}`, `field "token"`},
		{&apitypes.PasswordChanged{}, `{"principal":"alice","keep_session":"s","issuer":"i","initiator":"user"}`, ""},
		{&apitypes.PasswordChanged{}, `{"keep_session":"s"}`, `field "principal" is missing`},
		{&apitypes.PasswordChanged{}, `{"principal":""}`, `field "principal" is missing or empty`},
		{&apitypes.PasswordChanged{}, `{"principal":"alice","keepSession":"s"}`, `unknown field "keepSession"`},
		{&apitypes.Ban{}, `{"until":"2030-01-01T00:00:00Z","from":"2029-01-01T00:00:00Z","reason":"r"}`, ""},
		{&apitypes.Ban{}, `{"reason":"r"}`, `field "until" is missing`},
		{&apitypes.Ban{}, `{"until":"1960-01-01T00:00:00Z"}`, `not after 1970`},
		{&apitypes.Invalidation{}, `{"scope":"session","id":"s"}`, ""},
		{&apitypes.Invalidation{}, `{"scope":"tenant","id":"s"}`, `want session or principal`},
		{&apitypes.Invalidation{}, `{"scope":"session"}`, `field "id" is missing`},
		{&apitypes.Login{}, `{"principal":"alice"}`, ""},
		{&apitypes.Login{}, `{}`, `field "principal"`},
		{&apitypes.Check{}, `{"token":"t"}`, ""},
		{&apitypes.Check{}, `{"token":""}`, `field "token" is missing or empty`},
	}
	for _, c := range cases {
		err := apitypes.Decode([]byte(c.body), c.req)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%T %s: %v", c.req, c.body, err)
		case c.want != "" && (!errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%T %s: %v, want %q", c.req, c.body, err, c.want)
		}
	}
}
