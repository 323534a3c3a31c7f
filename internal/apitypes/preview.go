package apitypes

// Preview is the answer to a request with "dry_run": what it would concern. It cannot count
// tokens or sessions, because neither store holds any.
type Preview struct {
	DryRun      bool `json:"dry_run"`     // always true
	Revocations int  `json:"revocations"` // in the request
	// Wide is how many of them need a confirmation: those of scope tenant, key or all.
	Wide int `json:"wide"`
	// Count is how many workers would refuse what is covered: the workers that accept tokens of
	// an issuer that the request concerns. Workers is how many workers there are.
	Count    int      `json:"count"`
	Workers  int      `json:"workers"`
	Warnings []string `json:"warnings,omitempty"`
}
