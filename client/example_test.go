package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
)

// A service without a connection to the stores logs somebody out, and says what is true.
func Example() {
	c, err := client.New("https://publisher.internal:8080", client.Options{Token: "from the environment"})
	if err != nil {
		panic(err)
	}
	logoutEverywhere := func(ctx context.Context, principal string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		receipt, err := c.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: principal})
		switch {
		case errors.Is(err, revocast.ErrPending):
			return fmt.Sprintf("logged out; not every server has said so yet (%s)", receipt.Position), nil
		case err != nil:
			return "", err
		}
		return "logged out everywhere", nil
	}
	_ = logoutEverywhere
}
