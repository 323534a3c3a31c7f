package token

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// cookieCases are Cookie headers, and what is read of the cookie token: empty for none,
// "!" where the request is refused as ambiguous.
func cookieCases() map[string]struct {
	lines []string
	want  string
} {
	one := func(line string) []string { return []string{line} }
	return map[string]struct {
		lines []string
		want  string
	}{
		"none":                     {nil, ""},
		"others":                   {one("a=b; tokens=A; atoken=A; my-token=A; token2=A"), ""},
		"plain":                    {one("token=A"), "A"},
		"among others":             {one("a=b; token=A; c=d"), "A"},
		"no blank":                 {one("a=b;token=A;c=d"), "A"},
		"quoted":                   {one(`token="A"`), "A"},
		"with equals":              {one("token=A=="), "A=="},
		"empty":                    {one("token="), ""},
		"empty quotes":             {one(`token=""`), ""},
		"value of another":         {one("next=token=B; token=A"), "A"},
		"query of another":         {one("next=/x?token=B&a=b; token=A"), "A"},
		"JSON of another":          {one(`prefs={"token":"B"}; token=A`), "A"},
		"word of another":          {one("note=token; token=A"), "A"},
		"twice":                    {one("token=A; token=B"), "!"},
		"twice, alike":             {one("token=A; token=A"), "!"},
		"first is bad for Go":      {one(`token=A\; token=B`), "!"},
		"second is bad for Go":     {one(`token=B; token=A\`), "!"},
		"bad by a quote":           {one(`token="A; token=B`), "!"},
		"bad by a control":         {one("token=A\x01; token=B"), "!"},
		"bad by a letter":          {one("token=Aé; token=B"), "!"},
		"empty and one":            {one("token=; token=B"), "!"},
		"name alone and one":       {one("token; token=B"), "!"},
		"hidden in quotes":         {one(`a="x; token=B"; token=A`), "!"},
		"after a comma":            {one("a=b,token=B; token=A"), "!"},
		"after a comma and blank":  {one("token=A; a=b, token=B"), "!"},
		"after a blank":            {one("token=A; a=b token=B"), "!"},
		"after quotes":             {one(`token=A; a="b"token=B`), "!"},
		"after a tab":              {one("token=A; a=b\ttoken=B"), "!"},
		"blank before equals":      {one("token =A"), "!"},
		"blank after equals":       {one("token= A"), "!"},
		"tab before equals":        {one("token\t=A"), "!"},
		"two, blank before equals": {one("token =B; token=A"), "!"},
		"no-break space":           {one("\u00a0token=B; token=A"), "!"},
		"Latin-1 no-break space":   {one("token=A; \xa0token=B"), "!"},
		"wide blank":               {one("token=A; \u2003token\u3000=B"), "!"},
		"byte order mark":          {one("token=A; \ufefftoken=B"), "!"},
		"another case":             {one("token=A; TOKEN=B"), "!"},
		"another case alone":       {one("Token=A"), "!"},
		"Kelvin sign":              {one("token=A; to\u212aen=B"), "!"},
		"encoded name":             {one("token=A; %74oken=B"), "!"},
		"encoded blank":            {one("token=A; %20token=B"), "!"},
		"array of PHP":             {one("token=A; token[]=B"), "!"},
		"array with an index":      {one("token[0]=B; token=A"), "!"},
		"quoted name":              {one(`token=A; "token"=B`), "!"},
		"two lines":                {[]string{"token=A", "token=B"}, "!"},
		"two lines, one token":     {[]string{"token=A", "a=b"}, "!"},
		"two lines, token behind":  {[]string{"a=b", "token=A"}, "!"},
		"two lines without it":     {[]string{"a=b", "c=d"}, ""},
		"comma in the value":       {one("token=A,a=b"), "!"},
		"encoded value":            {one("token=A%2EB"), "!"},
		"half quoted":              {one(`token="A`), "!"},
		"escape in quotes":         {one(`token="\101"`), "!"},
		"blank after the value":    {one("token=A ; a=b"), "!"},
		"too long":                 {one("token=" + strings.Repeat("A", port.LargestBearer+1)), "!"},
	}
}

func TestFromCookie(t *testing.T) {
	for name, c := range cookieCases() {
		t.Run(name, func(t *testing.T) {
			got, err := FromCookie("token")(&http.Request{Header: http.Header{"Cookie": c.lines}})
			var want error
			switch c.want {
			case "":
				want = revocast.ErrMissingToken
			case "!":
				want, c.want = revocast.ErrMalformed, ""
			}
			if got != c.want || !errors.Is(err, want) {
				t.Errorf("%q, %v; want %q, %v", got, err, c.want, want)
			}
		})
	}
}

// TestCookieNamesOfPHP: an underscore is also what PHP makes of other characters.
func TestCookieNamesOfPHP(t *testing.T) {
	for _, line := range []string{
		"__Host-t=A; ..Host-t=B", "__Host-t=A; _ Host-t=B", "__Host-t=A; _[Host-t=B", "__Host-t=A;  __Host-t=B",
		"__Host-t=A; __Host-t[x]=B",
	} {
		if got, err := FromCookie("__Host-t")(&http.Request{Header: http.Header{"Cookie": {line}}}); !errors.Is(err,
			revocast.ErrMalformed) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

// TestFromHeaderAlike: CGI makes one variable of headers that differ in hyphens alone.
func TestFromHeaderAlike(t *testing.T) {
	for other, want := range map[string]error{
		"X_access_token": revocast.ErrMalformed, "X.access.token": revocast.ErrMalformed,
		"X-Access_token":  revocast.ErrMalformed,
		"X-Access-Tokens": nil, "Access-Token": nil,
	} {
		r := &http.Request{Header: http.Header{"X-Access-Token": {"A"}, other: {"B"}}}
		if got, err := FromHeader("x-access-token")(r); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v, want %v", other, got, err, want)
		}
	}
}

// FuzzCookie: where a token is read, no reader that is known reads another one.
func FuzzCookie(f *testing.F) {
	for _, c := range cookieCases() {
		f.Add(strings.Join(c.lines, "\n"))
	}
	read := FromCookie("token")
	f.Fuzz(func(t *testing.T, header string) {
		lines := strings.Split(header, "\n")
		got, err := read(&http.Request{Header: http.Header{"Cookie": lines}})
		if (got == "") != (err != nil) {
			t.Fatalf("%q and %v", got, err)
		}
		if err != nil {
			if !errors.Is(err, revocast.ErrMissingToken) && !errors.Is(err, revocast.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for name, reader := range cookieReaders() {
			if other, ok := reader(lines); ok && !sameToken(other, got) {
				t.Errorf("%q: read %q, and %s reads %q", header, got, name, other)
			}
		}
	})
}

// sameToken reports whether what a reader has is the token: as it is, in its quotes, or
// with blanks where a form has plus signs.
func sameToken(other, token string) bool {
	return other == token || other == `"`+token+`"` || strings.Trim(other, `"`) == strings.ReplaceAll(token, "+", " ")
}

// TestReadersDiffer: the readers are what their languages do, and so differ on what
// is refused.
func TestReadersDiffer(t *testing.T) {
	for _, c := range []struct {
		line string
		want map[string]string
	}{
		{`token=A\; token=B`, map[string]string{"express": `A\`, "django": "B", "php": `A\`, "net/http": "B"}},
		{"token=A; token=B", map[string]string{
			"express": "A", "django": "B", "http.cookies": "B", "rack": "A", "aspnet": "A",
		}},
		{"a=b token=B; token=A", map[string]string{"express": "A", "http.cookies": "A"}},
		{"token=A; a=b token=B", map[string]string{"express": "A", "http.cookies": "B"}},
		{"a=b,token=B; token=A", map[string]string{"express": "A", "rack": "B"}},
		{`a="; token=B"; token=A`, map[string]string{"express": `B"`, "http.cookies": "A"}},
		{"token[x]=B; token=A", map[string]string{"php": "B", "express": "A"}},
		{"TOKEN=B; token=A", map[string]string{"aspnet": "B", "express": "A"}},
		{`token="\101"`, map[string]string{"django": "A", "express": `\101`}},
		{"\u00a0token=B", map[string]string{"django": "B"}},
	} {
		for name, want := range c.want {
			if got, _ := cookieReaders()[name]([]string{c.line}); got != want {
				t.Errorf("%s reads %q of %q, want %q", name, got, c.line, want)
			}
		}
	}
}
