package code_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/account/code"
)

// TestACodeIsNotPrinted: a program that logs what it was given does not log the secret.
func TestACodeIsNotPrinted(t *testing.T) {
	c := code.Code{Text: "123456", Expires: time.Unix(1e9, 0)}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "code", c, "pointer", &c)
	for _, text := range []string{
		fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c), fmt.Sprintf("%+v %#v", &c, &c),
		fmt.Sprintf("%+v", struct{ Code code.Code }{c}), logged.String(),
	} {
		if strings.Contains(text, c.Text) || !strings.Contains(text, "2001-09-09T01:46:40Z") {
			t.Errorf("printed as %s", text)
		}
	}
}
