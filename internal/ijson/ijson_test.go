package ijson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/revocast/revocast/internal/ijson"
)

func TestLoneSurrogate(t *testing.T) {
	for text, want := range map[string]bool{
		`"alice"`: false, `"\ud83d\ude00"`: false, `"\uD83D\uDE00x"`: false, `"\\ud800"`: false, `"\\\ud800"`: true,
		`"a\ud800"`: true, `"\ud800b"`: true, `"\udc00"`: true, `"\ud800\ud800\udc00"`: true, `"\ude00\ud83d"`: true,
		`"\ufffd"`: false, `{"\uDFFF":1}`: true, `"\ud800\n"`: true, `"\ud83d\ude00\ude00"`: true, "\\": false,
		"": false,
	} {
		if got := ijson.LoneSurrogate([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// FuzzLoneSurrogate: what passes is decoded without a replacement that was not written.
func FuzzLoneSurrogate(f *testing.F) {
	for _, seed := range []string{"a", `\ud800`, `\ud83d\ude00`, `\\ud800`, `\udc00x`, `\n\u0041\uDBFF\uDFFF`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, inside string) {
		text := `"` + inside + `"`
		var plain string
		if json.Unmarshal([]byte(text), &plain) != nil {
			return
		}
		written := strings.Contains(strings.ToValidUTF8(text, "\ufffd"), "\ufffd") ||
			strings.Contains(strings.ToLower(text), `\ufffd`)
		if lone := ijson.LoneSurrogate([]byte(text)); !written && lone != strings.Contains(plain, "\ufffd") {
			t.Errorf("%q: lone %v, decoded %q", text, lone, plain)
		}
	})
}
