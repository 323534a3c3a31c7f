package publishercmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/publisher"
)

type auditCmd struct {
	Log   []string `sep:"none" type:"path" placeholder:"FILE" help:"Verify an audit log instead of comparing the stores: its files, the oldest first; may be repeated."`
	Holds string   `placeholder:"HASH" help:"A head of the audit log that was noted before, which has to be in it still."`
	JSON  bool     `name:"json" help:"JSON for machines, one line."`

	wiring.StoreFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *auditCmd) Help() string {
	return "Reads both stores in full and compares what they say is revoked. It needs some 200 bytes " +
		"of memory for each live revocation. " +
		"It changes nothing and may run beside everything else. The exit code is 0 if they hold the same, " +
		"and 1 if they differ.\n\n" +
		"With --log it reads no store. It verifies that no record of an audit log was changed, removed, added or " +
		"moved, and prints the hash of the last one, the head. Who can write the file can cut off its end, or write " +
		"it again from some record on: note the head now and then where they cannot reach it, and ask for it " +
		"with --holds. The service logs it too. The exit code is 1 if something is wrong."
}

// Run compares the stores.
func (c *auditCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	if len(c.Log) > 0 {
		return c.verifyLog(streams.Out)
	}
	if c.Holds != "" {
		return wiring.Usage("--holds is about an audit log: name it with --log")
	}
	stores, err := c.Open(
		ctx, wiring.OpenOptions{Name: "publisher audit", Logger: c.Logger(streams.Err), Lenient: true},
	)
	if err != nil {
		return err
	}
	defer stores.Close()
	what, err := diagnose(ctx, stores)
	if err != nil {
		return err
	}
	if err := what.superseded(); err != nil {
		return err
	}
	began := time.Now()
	report, err := publisher.Audit(ctx, stores.Ledger(), stores.Bus())
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(streams.Out, newAudited(c.Realm, report, time.Since(began)))
	} else {
		err = printAudit(streams.Out, c.Realm, report, time.Since(began))
	}
	if err == nil && !report.OK() {
		err = wiring.WithHint(errors.New("the stores differ"), "run `publisher repair`")
	}
	return err
}

func printAudit(w io.Writer, realm string, r publisher.AuditReport, took time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "realm %s at %s: %d live revocations in Redis, %d in JetStream (%d events), compared in %s\n",
		realm, r.Position, r.Ledger, r.Stream, r.Events, shortTime(took))
	if r.OK() {
		b.WriteString("equal: each store holds all that the other does" + leftOutText(r.LeftOut) + "\n")
	} else {
		fmt.Fprintf(&b, "different: JetStream lacks %d, Redis lacks %d\n", r.MissingInStream, r.MissingInLedger)
	}
	if n := uint64(r.Undecodable+r.Foreign) + r.Gone; n > 0 {
		fmt.Fprintf(&b, "in the stream: %d messages not readable, %d of another realm, %d gone from its middle\n",
			r.Undecodable, r.Foreign, r.Gone)
	}
	for _, e := range r.Examples {
		fmt.Fprintf(&b, "  %s is missing in %s: Redis has %s, JetStream has %s\n",
			e.Key, sideName(e.Lacking), stateText(e.Ledger), stateText(e.Stream))
	}
	if more := r.MissingInStream + r.MissingInLedger - len(r.Examples); more > 0 && len(r.Examples) > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// leftOutText explains why two numbers differ.
func leftOutText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", but for %d that were on their way or lifted meanwhile", n)
}

// stateText is what stands against one key, in a few words.
func stateText(s revocast.State) string {
	if s.IsZero() {
		return "nothing"
	}
	var parts []string
	switch {
	case s.CutOff >= revocast.Forever:
		parts = append(parts, "revoked")
	case s.CutOff != 0:
		parts = append(parts, "cut off at "+stamp(time.UnixMilli(s.CutOff)))
	}
	if s.Ban.Until != 0 {
		parts = append(parts, "banned until "+stamp(time.UnixMilli(s.Ban.Until)))
	}
	return strings.Join(append(parts, "as of "+s.At.String()), ", ")
}

// audited is a report as --json shows it.
type audited struct {
	Realm           string           `json:"realm"`
	Equal           bool             `json:"equal"`
	Position        string           `json:"position"`
	Redis           int              `json:"redis"`     // live states
	JetStream       int              `json:"jetstream"` // live states
	Events          int              `json:"events"`
	MissingInRedis  int              `json:"missing_in_redis"`
	MissingInStream int              `json:"missing_in_jetstream"`
	LeftOut         int              `json:"left_out"` // in one store alone, and not missing in the other
	Undecodable     int              `json:"undecodable"`
	Foreign         int              `json:"foreign"`
	Gone            uint64           `json:"gone"`
	Examples        []auditedExample `json:"examples"`
	TookMS          float64          `json:"took_ms"`
}

type auditedExample struct {
	Key       string       `json:"key"`
	Lacking   string       `json:"lacking"`
	Redis     auditedState `json:"redis"`
	JetStream auditedState `json:"jetstream"`
}

type auditedState struct {
	Outright    bool          `json:"outright,omitempty"`
	CutOff      apitypes.Time `json:"cutoff,omitzero"`
	BannedUntil apitypes.Time `json:"banned_until,omitzero"`
	Until       apitypes.Time `json:"until,omitzero"`
	Position    string        `json:"position,omitempty"`
}

func newAudited(realm string, r publisher.AuditReport, took time.Duration) audited {
	out := audited{
		Realm: realm, Equal: r.OK(), Position: r.Position.String(), Redis: r.Ledger, JetStream: r.Stream,
		Events:         r.Events,
		MissingInRedis: r.MissingInLedger, MissingInStream: r.MissingInStream,
		LeftOut: r.LeftOut, Undecodable: r.Undecodable, Foreign: r.Foreign, Gone: r.Gone,
		Examples: []auditedExample{}, TookMS: apitypes.DurationMS(took),
	}
	for _, e := range r.Examples {
		out.Examples = append(out.Examples, auditedExample{
			Key: e.Key.String(), Lacking: sideName(e.Lacking), Redis: newAuditedState(e.Ledger),
			JetStream: newAuditedState(e.Stream),
		})
	}
	return out
}

func newAuditedState(s revocast.State) auditedState {
	if s.IsZero() {
		return auditedState{}
	}
	return auditedState{
		Outright: s.CutOff >= revocast.Forever, CutOff: apitypes.Millis(s.CutOff),
		BannedUntil: apitypes.Millis(s.Ban.Until),
		Until:       apitypes.Millis(s.Until), Position: s.At.String(),
	}
}
