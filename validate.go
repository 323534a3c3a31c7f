package revocast

// someIssuer stands for the ledger's default issuer where it does not matter which.
const someIssuer = "issuer"

// Validate returns the [ErrInvalid] that any publisher would answer r with, nil if the
// ledger alone can tell: for whoever writes down now what is revoked later. An empty
// issuer passes, since a ledger may have a default one.
func (r Revocation) Validate() error {
	_, err := r.Proposal("realm", someIssuer)
	return err
}

// Validate is as [Revocation.Validate].
func (b Ban) Validate() error {
	_, err := b.Proposal("realm", someIssuer)
	return err
}

// Validate is as [Revocation.Validate].
func (i Invalidation) Validate() error {
	_, err := i.Proposal("realm", someIssuer)
	return err
}
