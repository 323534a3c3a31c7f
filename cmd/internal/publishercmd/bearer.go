package publishercmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/port"
)

// readBearer reads a token from standard input, never from the command line, where every user of
// the machine could see it. A leading "Bearer " is removed.
func readBearer(ctx context.Context, streams *wiring.Streams) (string, error) {
	streams.Prompt("paste the token, then Enter and Ctrl-D:\n")
	data, err := io.ReadAll(io.LimitReader(wiring.Interruptible(ctx, streams.In), 2*port.LargestBearer))
	if err != nil {
		return "", fmt.Errorf("read the token from standard input: %w", err)
	}
	bearer := strings.TrimSpace(string(data))
	if scheme, rest, ok := strings.Cut(bearer, " "); ok && strings.EqualFold(scheme, "bearer") {
		bearer = strings.TrimSpace(rest)
	}
	if bearer == "" {
		return "", wiring.WithHint(errors.New("no token on standard input"),
			`pipe it in: printf %%s "$TOKEN" | publisher …`)
	}
	return bearer, nil
}
