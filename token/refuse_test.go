package token

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Tokens that no correctly signed spelling of can be accepted, before the signature.
func TestMalformed(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{})
	good := p.with(nil)
	segments := strings.Split(good, ".")
	header := `{"alg":"ES256","kid":"k1"}`
	long := p.with(map[string]any{"pad": strings.Repeat("x", port.MaxBearer)})
	for name, bad := range map[string]struct {
		bearer string
		cause  error
	}{
		"empty":                  {"", nil},
		"words":                  {"not a token", nil},
		"dots":                   {"..", nil},
		"two segments":           {segments[0] + "." + segments[1], nil},
		"four segments":          {good + ".", nil},
		"five segments (JWE)":    {good + "." + segments[1] + "." + segments[2], nil},
		"too long":               {long, nil},
		"space before":           {" " + good, nil},
		"space after":            {good + " ", nil},
		"line break after":       {good + "\n", nil},
		"line break inside":      {good[:10] + "\r\n" + good[10:], nil},
		"line break, signature":  {good[:len(good)-4] + "\n" + good[len(good)-4:], nil},
		"tab":                    {good[:50] + "\t" + good[50:], nil},
		"NUL":                    {good + "\x00", nil},
		"padding":                {good + "==", nil},
		"padding in the header":  {segments[0] + "=." + segments[1] + "." + segments[2], nil},
		"standard alphabet":      {segments[0] + "." + segments[1] + "." + "+/" + segments[2][2:], nil},
		"not ASCII":              {good + "é", nil},
		"scheme left on":         {"Bearer " + good, nil},
		"loose bits":             {loosenBits(good), nil},
		"one character segments": {"a.b.c", nil},
		"header no JSON":         {p.token(`alg`, claimsJSON(nil)), nil},
		"header a list":          {p.token(`["ES256"]`, claimsJSON(nil)), nil},
		"header null":            {p.token(`null`, claimsJSON(nil)), nil},
		"header and more":        {p.token(header+`{}`, claimsJSON(nil)), nil},
		"no alg":                 {p.token(`{"kid":"k1"}`, claimsJSON(nil)), nil},
		"alg a number":           {p.token(`{"alg":1}`, claimsJSON(nil)), nil},
		"alg in capitals":        {p.token(`{"ALG":"ES256"}`, claimsJSON(nil)), nil},
		"kid a number":           {p.token(`{"alg":"ES256","kid":1}`, claimsJSON(nil)), nil},
		"kid null":               {p.token(`{"alg":"ES256","kid":null}`, claimsJSON(nil)), nil},
		"typ a number":           {p.token(`{"alg":"ES256","typ":1}`, claimsJSON(nil)), nil},
		"crit":                   {p.token(`{"alg":"ES256","crit":["exp"],"exp":1}`, claimsJSON(nil)), ErrCritical},
		"crit null":              {p.token(`{"alg":"ES256","crit":null}`, claimsJSON(nil)), ErrCritical},
		"duplicate alg":          {p.token(`{"alg":"none","alg":"ES256"}`, claimsJSON(nil)), ErrDuplicate},
		"duplicate kid":          {p.token(`{"alg":"ES256","kid":"k2","kid":"k1"}`, claimsJSON(nil)), ErrDuplicate},
		"duplicate by escape": {
			p.token(`{"alg":"ES256","kid":"k1","\u006bid":"k1"}`, claimsJSON(nil)), ErrDuplicate,
		},
		"header not UTF-8":     {p.token("{\"alg\":\"ES256\",\"x\":\"\xff\"}", claimsJSON(nil)), nil},
		"claims no JSON":       {p.token(header, `sub`), nil},
		"claims empty":         {p.token(header, ``), nil},
		"claims a list":        {p.token(header, `[]`), nil},
		"claims a string":      {p.token(header, `"x"`), nil},
		"claims null":          {p.token(header, `null`), nil},
		"claims and more":      {p.token(header, claimsJSON(nil)+`{}`), nil},
		"claims cut off":       {p.token(header, strings.TrimSuffix(claimsJSON(nil), "}")), nil},
		"claims not UTF-8":     {p.token(header, strings.Replace(claimsJSON(nil), "alice", "al\xffce", 1)), nil},
		"duplicate sub":        {p.token(header, `{"sub":"mallory",`+claimsJSON(nil)[1:]), ErrDuplicate},
		"duplicate same value": {p.token(header, `{"sub":"alice",`+claimsJSON(nil)[1:]), ErrDuplicate},
		"duplicate unused":     {p.token(header, `{"x":{"a":1},"x":[":"],`+claimsJSON(nil)[1:]), ErrDuplicate},
	} {
		t.Run(name, func(t *testing.T) { refused(t, v, bad.bearer, revocast.ErrMalformed, bad.cause) })
	}
	if len(long) <= port.MaxBearer {
		t.Error("the long token is not long")
	}
}

// loosenBits sets the unused low bits of a 64-byte signature's last character, which
// a lax decoder ignores.
func loosenBits(bearer string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, bearer[len(bearer)-1])
	return bearer[:len(bearer)-1] + string(alphabet[last|1])
}

// A bearer of exactly the limit is looked at.
func TestLongestBearer(t *testing.T) {
	p := newPair("EdDSA")
	v := p.verifier(t, Options{})
	for pad := port.MaxBearer * 3 / 4; ; pad-- {
		bearer := p.with(map[string]any{"pad": strings.Repeat("x", pad)})
		if len(bearer) <= port.MaxBearer {
			accepted(t, v, bearer)
			if len(bearer) < port.MaxBearer-2 {
				t.Errorf("tried only %d bytes", len(bearer))
			}
			return
		}
		if len(bearer) <= port.MaxBearer+2 {
			refused(t, v, bearer, revocast.ErrMalformed, nil)
		}
	}
}

// Names that only look the same elsewhere are not duplicates.
func TestNotDuplicates(t *testing.T) {
	p := newPair("ES256")
	claims := `{"SUB":"x","nested":{"sub":"y","sub2":{"a":[{"sub":":"}]}},"text\"sub\":":"{\"sub\":1,","b\\":"\\",` +
		claimsJSON(nil)[1:]
	got := accepted(t, p.verifier(t, Options{}), p.token(`{"alg":"ES256","kid":"k1"}`, claims))
	if got.Principal != "alice" {
		t.Errorf("principal %q", got.Principal)
	}
}

// Signed by the right key, and yet not acceptable.
func TestClaimsRefused(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{Issuers: []string{"https://issuer.test"}, Audiences: []string{"orders"}})
	accepted(t, v, p.with(nil))
	type changes = map[string]any
	for name, bad := range map[string]struct {
		changes changes
		cause   error
	}{
		"no iss":              {changes{"iss": nil}, jwt.ErrTokenRequiredClaimMissing},
		"iss empty":           {changes{"iss": ""}, jwt.ErrTokenRequiredClaimMissing},
		"iss other":           {changes{"iss": "https://other.test"}, jwt.ErrTokenInvalidIssuer},
		"iss longer":          {changes{"iss": "https://issuer.test/"}, jwt.ErrTokenInvalidIssuer},
		"iss shorter":         {changes{"iss": "https://issuer.tes"}, jwt.ErrTokenInvalidIssuer},
		"iss case":            {changes{"iss": "https://ISSUER.test"}, jwt.ErrTokenInvalidIssuer},
		"iss space":           {changes{"iss": "https://issuer.test "}, jwt.ErrTokenInvalidIssuer},
		"iss list":            {changes{"iss": []string{"https://issuer.test"}}, jwt.ErrInvalidType},
		"no sub":              {changes{"sub": nil}, jwt.ErrTokenRequiredClaimMissing},
		"sub empty":           {changes{"sub": ""}, jwt.ErrTokenRequiredClaimMissing},
		"sub number":          {changes{"sub": 7}, jwt.ErrInvalidType},
		"sub list":            {changes{"sub": []string{"alice"}}, jwt.ErrInvalidType},
		"sub NUL":             {changes{"sub": "ali\x00ce"}, nil},
		"sub too long":        {changes{"sub": strings.Repeat("x", revocast.MaxID+1)}, nil},
		"jti number":          {changes{"jti": 7}, jwt.ErrInvalidType},
		"jti object":          {changes{"jti": changes{"a": 1}}, jwt.ErrInvalidType},
		"sid number":          {changes{"sid": 7}, jwt.ErrInvalidType},
		"sid bool":            {changes{"sid": true}, jwt.ErrInvalidType},
		"client number":       {changes{"client_id": 7}, jwt.ErrInvalidType},
		"azp number":          {changes{"client_id": nil, "azp": 7}, jwt.ErrInvalidType},
		"tenant number":       {changes{"tenant": 7}, jwt.ErrInvalidType},
		"neither jti nor sid": {changes{"jti": nil, "sid": nil}, jwt.ErrTokenRequiredClaimMissing},
		"no issue time":       {changes{"iat": nil, "auth_time": nil}, jwt.ErrTokenRequiredClaimMissing},
		"no exp":              {changes{"exp": nil}, jwt.ErrTokenRequiredClaimMissing},
		"exp string":          {changes{"exp": "1700000900"}, jwt.ErrInvalidType},
		"exp negative":        {changes{"exp": -1}, errDateRange},
		"exp zero":            {changes{"exp": 0}, errDateRange},
		"exp huge":            {changes{"exp": 1e300}, errDateRange},
		"exp milliseconds":    {changes{"exp": 1_700_000_900_000}, errDateRange},
		"exp overflow":        {changes{"exp": uint64(1) << 63}, errDateRange},
		"iat string":          {changes{"iat": "now"}, jwt.ErrInvalidType},
		"iat negative":        {changes{"iat": -0.5}, errDateRange},
		"iat zero":            {changes{"iat": 0}, errDateRange},
		"iat bool":            {changes{"iat": true}, jwt.ErrInvalidType},
		"auth_time string":    {changes{"auth_time": "1699999999"}, jwt.ErrInvalidType},
		"nbf string":          {changes{"nbf": "1699999999"}, jwt.ErrInvalidType},
		"nbf huge":            {changes{"nbf": 1e18}, errDateRange},
		"no aud":              {changes{"aud": nil}, jwt.ErrTokenInvalidAudience},
		"aud other":           {changes{"aud": "billing"}, jwt.ErrTokenInvalidAudience},
		"aud case":            {changes{"aud": "Orders"}, jwt.ErrTokenInvalidAudience},
		"aud longer":          {changes{"aud": "orders2"}, jwt.ErrTokenInvalidAudience},
		"aud joined":          {changes{"aud": "orders billing"}, jwt.ErrTokenInvalidAudience},
		"aud others":          {changes{"aud": []string{"a", "b", "c", "d", "e"}}, jwt.ErrTokenInvalidAudience},
		"aud empty list":      {changes{"aud": []string{}}, jwt.ErrTokenInvalidAudience},
		"aud number":          {changes{"aud": 7}, jwt.ErrInvalidType},
		"aud mixed list":      {changes{"aud": []any{"orders", 7}}, jwt.ErrInvalidType},
		"aud object":          {changes{"aud": changes{"orders": true}}, jwt.ErrInvalidType},
	} {
		t.Run(name, func(t *testing.T) { refused(t, v, p.with(bad.changes), revocast.ErrClaims, bad.cause) })
	}
	nulls := p.token(`{"alg":"ES256","kid":"k1"}`, strings.Replace(claimsJSON(nil), `"alice"`, `null`, 1))
	refused(t, v, nulls, revocast.ErrClaims, jwt.ErrTokenRequiredClaimMissing)
}

// What must work all the same.
func TestClaimsAccepted(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{Audiences: []string{"orders"}})
	type changes = map[string]any
	for name, good := range map[string]changes{
		"no jti":            {"jti": nil},
		"no sid":            {"sid": nil},
		"no iat":            {"iat": nil},
		"no auth_time":      {"auth_time": nil},
		"auth_time zero":    {"auth_time": 0},
		"aud in a list":     {"aud": []string{"billing", "orders"}},
		"nbf zero":          {"nbf": 0},
		"id with any signs": {"sub": "a.b*c>d:e f\ng😀", "sid": "*", "jti": ">"},
		"longest id":        {"sub": strings.Repeat("x", revocast.MaxID)},
		"exp by exponent":   {"exp": 1.7000009e9},
	} {
		t.Run(name, func(t *testing.T) { accepted(t, v, p.with(good)) })
	}
	nulls := p.token(`{"alg":"ES256","kid":"k1"}`, strings.Replace(claimsJSON(nil), `"s1"`, `null`, 1))
	if got := accepted(t, v, nulls); got.Session != "" || got.TokenID != "t1" {
		t.Errorf("sid null: %+v", got)
	}
}

// Nothing in the claims, however wrong, shows before the signature does.
func TestSignatureBeforeClaims(t *testing.T) {
	p, thief := newPair("ES256"), newPair("ES256")
	v := p.verifier(t, Options{Issuers: []string{"https://issuer.test"}, Type: "at+jwt"})
	for _, claims := range []string{
		claimsJSON(map[string]any{"exp": 1}), claimsJSON(map[string]any{"iss": "x"}),
		claimsJSON(map[string]any{"sub": 7}),
		`{}`, `{"sub":"a","sub":"b"}`,
	} {
		refused(t, v, thief.token(`{"alg":"ES256","kid":"k1"}`, claims), revocast.ErrSignature,
			jwt.ErrTokenSignatureInvalid)
	}
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"k1"}`)) + ".e30."
	refused(t, v, unsigned, revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
}
