package token

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast/port"
)

// manyIssuers have names that are easily taken for one another, and keys that are all called
// the same. The keys are fixed, so that corpus files stay what they are.
func manyIssuers(f *testing.F, o Options) (names []string, keys []pair, v *Verifier) {
	f.Helper()
	names = []string{issuerA, issuerB, issuerA + "/", "https://A.test", "a", "https://ä.test", "{}"}
	sources := map[string]KeySource{}
	for i, name := range names {
		private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		p := pair{method: jwt.SigningMethodEdDSA, sign: private, key: Key{ID: "k1", Public: private.Public()}}
		keys, sources[name] = append(keys, p), must(Static(p.key))
	}
	o.AnyAudience, o.Now = true, atNoon
	return names, keys, must(NewIssuers(sources, o))
}

// FuzzIssuer: whatever the header says and whatever stands for iss, of all keys only that of
// the issuer that the token names can have signed it. iss is the JSON text itself, so that it
// may also be a list, be cut off, or bring other claims with it.
func FuzzIssuer(f *testing.F) {
	const good = `{"alg":"EdDSA","kid":"k1"}`
	names, keys, v := manyIssuers(f, Options{DefaultIssuer: issuerB})
	named := map[string]int{}
	for i, name := range names {
		named[string(must(json.Marshal(name)))] = i
	}
	for _, iss := range []string{
		`"https://a.test"`, `"https://b.test"`, `"https://a.test/"`, `"https:\/\/A.test"`, `"\u0061"`,
		`"https://ä.test"`, `"{}"`,
		`""`, `null`, `7`, `["https://a.test"]`, `{}`, `"https://a.test","iss":"https://b.test"`, `null,"ISS":"a"`,
		`"a\u0000"`, `"\ud800"`, "\"\xff\"", `"`, `"a"}{"iss":"https://b.test"`, `"https://b.test`,
	} {
		f.Add(good, iss)
		f.Add(`{"alg":"Ed25519"}`, iss)
	}
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"HS256","kid":"k1"}`, `{"alg":"EdDSA","kid":"https://b.test"}`,
		`{"alg":"EdDSA","kid":""}`,
		`{"alg":"EdDSA","iss":"https://b.test"}`, `{"alg":"EdDSA","jku":"https://b.test","jwk":{}}`, `{}`, "",
	} {
		f.Add(header, `"https://a.test"`)
	}
	f.Fuzz(func(t *testing.T, header, iss string) {
		if len(header)+len(iss) > port.MaxBearer/2 {
			return
		}
		claims := `{"iss":` + iss + `,` + claimsJSON(changes{"iss": nil})[1:]
		for i, p := range keys {
			got, err := v.Verify(t.Context(), p.token(header, claims))
			checkOutcome(t, got, err)
			if owner, plain := named[iss]; plain && owner == i && header == good && err != nil {
				t.Errorf("the key of %q does not speak for its owner: %v", names[i], err)
			}
			if err != nil {
				continue
			}
			if got.Issuer != names[i] || got.KeyIssuer != "" {
				t.Errorf("the key of %q speaks for %q, and as a key of %q", names[i], got.Issuer, got.KeyIssuer)
			}
			checkNamed(t, claims, got.Issuer)
		}
	})
}

// checkNamed compares the issuer with a plain reading of the claims set.
func checkNamed(t *testing.T, claims, issuer string) {
	t.Helper()
	var plain map[string]any
	if err := json.Unmarshal([]byte(claims), &plain); err != nil {
		t.Fatalf("accepted claims that are no JSON: %v", err)
	}
	named, _ := plain["iss"].(string)
	if named == "" && issuer == issuerB {
		return // the one that a token without iss counts as
	}
	if named != issuer {
		t.Errorf("the token names %q and counts as of %q", named, issuer)
	}
}
