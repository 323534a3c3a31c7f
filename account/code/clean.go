package code

import (
	"strings"
	"unicode"

	"github.com/revocast/revocast/account/internal/secret"
)

// clean brings a text that somebody sent into the form in which a code was made, and says which
// kind it can be; none for a text that can be neither.
//
// People paste codes out of mails, out of formatted text and through input methods, with what
// stood around them and in the digits of their own script.
func (o *Options) clean(text string) (kind, code string) {
	if len(text) > 16*o.Digits+4*secret.Len {
		return "", ""
	}
	if bare := strings.Map(visible, text); secret.Looks(bare) && !o.shaped(bare) {
		return link, bare
	}
	var b strings.Builder
	for _, r := range text {
		if c, keep := o.letter(r); keep {
			b.WriteRune(c)
		}
	}
	if code = b.String(); !o.shaped(code) {
		return "", ""
	}
	return typed, code
}

func (o *Options) shaped(text string) bool {
	return len(text) == o.Digits && strings.Trim(text, o.Alphabet) == ""
}

// visible leaves out what nobody sees: space and line breaks of any kind, and what has no
// width, such as U+200B and byte order marks.
func visible(r rune) rune {
	if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Z, unicode.Cf) {
		return -1
	}
	return r
}

// letter is the letter of the alphabet that somebody means by r. If keep is false there is none: r
// only separates letters or surrounds them. A letter that cannot be meant stays as it is.
func (o *Options) letter(r rune) (c rune, keep bool) {
	r = plain(r)
	if c, found := o.found(r); found {
		return c, true
	}
	if visible(r) < 0 || unicode.In(r, unicode.P, unicode.M) || strings.ContainsRune(dashes, r) {
		return 0, false
	}
	for _, alike := range lookAlikes {
		if !strings.ContainsRune(alike, r) {
			continue
		}
		if c, one := o.only(alike); one {
			return c, true
		}
	}
	return r, true
}

// dashes are the dashes that are no punctuation: a minus, and the replacements of input methods for
// a hyphen.
const dashes = "\u2212\u30fc\uff70"

// lookAlikes are characters that people take for each other.
var lookAlikes = [...]string{"0Oo", "1IiLl|"}

// found is r in the alphabet, in whichever case that has it.
func (o *Options) found(r rune) (rune, bool) {
	for _, c := range [...]rune{r, unicode.ToUpper(r), unicode.ToLower(r)} {
		if strings.ContainsRune(o.Alphabet, c) {
			return c, true
		}
	}
	return 0, false
}

// only is the one of a group of characters that the alphabet has, if it has just one.
func (o *Options) only(alike string) (only rune, one bool) {
	for _, r := range alike {
		c, found := o.found(r)
		if found && one && c != only {
			return 0, false
		}
		if found {
			only, one = c, true
		}
	}
	return only, one
}

// plain is the ASCII of a digit in any script (Unicode category Nd) or of a full-width letter.
func plain(r rune) rune {
	switch {
	case r <= unicode.MaxASCII:
		return r
	case '！' <= r && r <= '～': // U+FF01 to U+FF5E are U+0021 to U+007E
		return r - '！' + '!'
	case !unicode.IsDigit(r):
		return r
	}
	// The digits of each script follow each other, from zero.
	for _, x := range unicode.Nd.R16 {
		if r >= rune(x.Lo) && r <= rune(x.Hi) {
			return '0' + (r-rune(x.Lo))%10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if r >= rune(x.Lo) && r <= rune(x.Hi) {
			return '0' + (r-rune(x.Lo))%10
		}
	}
	return r
}
