package token_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/token"
)

// A login service mints a token, a worker verifies it.
func Example() {
	key, err := token.NewSigningKey() // LoadOrCreateSigningKey keeps it in a file
	if err != nil {
		panic(err)
	}
	issuer, err := token.NewIssuer("https://login.example.com", key, token.IssuerOptions{Audiences: []string{"orders"}})
	if err != nil {
		panic(err)
	}
	keys, err := token.Static(issuer.Key()) // or JWKSURL, JWKSFile, PEMFile
	if err != nil {
		panic(err)
	}
	verifier, err := token.New(keys, token.Options{
		Issuers:   []string{"https://login.example.com"},
		Audiences: []string{"orders"},
		Type:      "at+jwt",
	})
	if err != nil {
		panic(err)
	}

	issued, err := issuer.Issue(token.Grant{Principal: "alice"})
	if err != nil {
		panic(err)
	}
	claims, err := verifier.Verify(context.Background(), issued.Token)
	fmt.Println(claims.Principal, err)

	_, err = verifier.Verify(context.Background(), issued.Token[:len(issued.Token)-6])
	fmt.Println(errors.Is(err, revocast.ErrSignature))
	// Output:
	// alice <nil>
	// true
}
