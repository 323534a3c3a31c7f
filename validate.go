package revocast

// someIssuer stands for the ledger's default issuer where any issuer will do.
const someIssuer = "issuer"

// Validate returns the [ErrInvalid] with which any publisher would answer r, or nil if only the
// ledger can tell. It is for callers that write a revocation down now and make it later. An empty
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
