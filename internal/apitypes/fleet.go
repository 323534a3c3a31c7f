package apitypes

// Fleet is the answer to GET /v1/workers: the ledger, the workers that may hold a
// lease, and what is under way.
type Fleet struct {
	Ledger  Ledger   `json:"ledger"`
	Stream  Stream   `json:"stream"`
	Workers []Worker `json:"workers"`

	Unacked         int     `json:"unacked"`           // events JetStream has not acknowledged yet
	OldestUnackedMS float64 `json:"oldest_unacked_ms"` // age of the oldest of them
	Waiting         int     `json:"waiting"`           // revocations that wait for confirmation

	// Warnings say, for people, what a revocation that names no issuer would not reach.
	Warnings []string `json:"warnings,omitempty"`
}

// Ledger is the ledger as it stands.
type Ledger struct {
	State    string `json:"state"` // open, recovering, fenced, uninitialised
	Position string `json:"position"`
	Durable  string `json:"durable"` // JetStream has everything up to here
	Trimmed  string `json:"trimmed"` // the log starts after this
	Settled  bool   `json:"settled"` // no lease of an earlier epoch, or of earlier terms, can be left
	Server   string `json:"server,omitempty"`
	Now      Time   `json:"now,omitzero"`

	LeaseMS       float64 `json:"lease_ms"`
	FenceMS       float64 `json:"fence_ms"`
	Drift         float64 `json:"drift"`
	SkewMS        float64 `json:"skew_ms,omitempty"` // how far clocks may be apart
	DefaultIssuer string  `json:"default_issuer,omitempty"`

	// How far three clocks are ahead of the ledger's: the clock of the publisher that answers,
	// the fleet's as a whole, and that of the issuer that is furthest ahead.
	PublisherAheadMS float64 `json:"publisher_ahead_ms,omitempty"`
	FleetAheadMS     float64 `json:"fleet_ahead_ms,omitempty"`
	LargestLeadMS    float64 `json:"largest_lead_ms,omitempty"`
}

// Stream is the second log, in JetStream, as the latest comparison with the ledger
// found it. Publishers compare by turns, every few seconds.
type Stream struct {
	// Whole is the position up to which the stream was seen to hold everything that is committed.
	// Absent: it was never seen whole.
	Whole    string `json:"whole,omitempty"`
	Sequence uint64 `json:"sequence"`         // of the message that it was read up to
	Created  Time   `json:"created,omitzero"` // when it was made: a stream that was made again has another time
	SeenAt   Time   `json:"seen_at,omitzero"` // when it was seen whole, by the ledger's clock
	AgeMS    int64  `json:"age_ms"`           // how long ago that was
	// why the stream cannot be relied on, or why the publisher that answers could not compare it
	Error string `json:"error,omitempty"`
}

// Worker is one worker incarnation.
type Worker struct {
	Class       string `json:"class"` // of workers that share their rights at both stores
	Worker      string `json:"worker"`
	Incarnation string `json:"incarnation"`
	Position    string `json:"position"` // applied so far
	// Lag is how many revisions it is behind; -1 while it is in another epoch.
	Lag     int64  `json:"lag"`
	Version string `json:"version,omitempty"`
	// Issuers are those whose tokens it accepts; absent: every one, or it does not say.
	Issuers []string `json:"issuers,omitempty"`
	Seen    Time     `json:"seen,omitzero"` // latest renewal, by the ledger's clock
	// LeaseLeftMS is at most what is left of the lease that renewal gave, by the ledger's clock.
	// It is for display: no decision rests on it.
	LeaseLeftMS float64 `json:"lease_left_ms"`
	// ClockAheadMS is how far its wall clock was ahead of the ledger's at the latest renewal.
	ClockAheadMS float64 `json:"clock_ahead_ms,omitempty"`
	// Acknowledges is how it tells the publisher that answers what it has applied: "bus":
	// immediately. "renewal": with its next renewal only, so every revocation waits for that.
	// Absent: nothing was revoked yet that would show it.
	Acknowledges string `json:"acknowledges,omitempty"`
}
