package apitypes

// Preview is the answer to a request with "dry_run": what it would concern. How many
// tokens or sessions that is, nobody knows: neither store holds any.
type Preview struct {
	DryRun      bool `json:"dry_run"`     // always true
	Revocations int  `json:"revocations"` // in the request
	// Wide is how many of them need a confirmation: those of scope tenant, key or all.
	Wide int `json:"wide"`
	// Count is how many workers would refuse what is covered, those that accept tokens of
	// an issuer that the request concerns; Workers is how many there are.
	Count    int      `json:"count"`
	Workers  int      `json:"workers"`
	Warnings []string `json:"warnings,omitempty"`
}
