package token

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestFromRequest(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		want   string
		err    error
	}{
		"plain":         {[]string{"Bearer a.b-_.c~+/=="}, "a.b-_.c~+/==", nil},
		"lower case":    {[]string{"bearer abc"}, "abc", nil},
		"upper case":    {[]string{"BEARER abc"}, "abc", nil},
		"several SP":    {[]string{"Bearer   abc"}, "abc", nil},
		"none":          {nil, "", revocast.ErrMissingToken},
		"empty":         {[]string{""}, "", revocast.ErrMissingToken},
		"scheme alone":  {[]string{"Bearer"}, "", revocast.ErrMissingToken},
		"scheme and SP": {[]string{"Bearer "}, "", revocast.ErrMissingToken},
		"Basic":         {[]string{"Basic abc"}, "", revocast.ErrMissingToken},
		"glued":         {[]string{"Bearerabc"}, "", revocast.ErrMissingToken},
		"twice":         {[]string{"Bearer a", "Bearer a"}, "", revocast.ErrMalformed},
		"two kinds":     {[]string{"Basic a", "Bearer a"}, "", revocast.ErrMalformed},
		"list":          {[]string{"Bearer a, Bearer b"}, "", revocast.ErrMalformed},
		"space inside":  {[]string{"Bearer a b"}, "", revocast.ErrMalformed},
		"space after":   {[]string{"Bearer a "}, "", revocast.ErrMalformed},
		"tab":           {[]string{"Bearer \ta"}, "", revocast.ErrMalformed},
		"quotes":        {[]string{`Bearer "a"`}, "", revocast.ErrMalformed},
		"equals first":  {[]string{"Bearer =a"}, "", revocast.ErrMalformed},
		"only equals":   {[]string{"Bearer =="}, "", revocast.ErrMalformed},
		"not ASCII":     {[]string{"Bearer é"}, "", revocast.ErrMalformed},
		"low byte":      {[]string{"Bearer š"}, "", revocast.ErrMalformed}, // U+0161, low byte 'a'
		"longest": {
			[]string{"Bearer " + strings.Repeat("a", port.LargestBearer)}, strings.Repeat("a", port.LargestBearer), nil,
		},
		"too long": {[]string{"Bearer " + strings.Repeat("a", port.LargestBearer+1)}, "", revocast.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{"Authorization": c.values}}
			got, err := FromRequest(r)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestFromElsewhere(t *testing.T) {
	r := &http.Request{Header: http.Header{
		"X-Token": {"abc"}, "X-Twice": {"a", "a"}, "Cookie": {"session=abc; twice=a; twice=b; bad=a,b"},
	}}
	for name, c := range map[string]struct {
		from func(*http.Request) (string, error)
		want string
		err  error
	}{
		"header":         {FromHeader("x-token"), "abc", nil},
		"header absent":  {FromHeader("X-Other"), "", revocast.ErrMissingToken},
		"header twice":   {FromHeader("X-Twice"), "", revocast.ErrMalformed},
		"cookie":         {FromCookie("session"), "abc", nil},
		"cookie absent":  {FromCookie("other"), "", revocast.ErrMissingToken},
		"cookie twice":   {FromCookie("twice"), "", revocast.ErrMalformed},
		"cookie not one": {FromCookie("bad"), "", revocast.ErrMalformed},
	} {
		if got, err := c.from(r); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
