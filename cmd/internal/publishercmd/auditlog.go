package publishercmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/revocast/revocast/cmd/internal/auditlog"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/publisherapi"
)

// recordOf is the audit log's record of a call.
func recordOf(realm string, w publisherapi.Write) auditlog.Record {
	r := auditlog.Record{
		Kind: auditlog.Call, Realm: realm, Caller: w.Caller, Address: w.Address, Action: w.Action, Outcome: w.Outcome,
	}
	if w.Cause.Reason != "" || w.Cause.Initiator != "" {
		r.Claimed = &auditlog.Claimed{Reason: w.Cause.Reason, Initiator: w.Cause.Initiator}
	}
	for _, s := range w.Subjects {
		r.Subjects = append(r.Subjects, auditlog.Subject{Scope: s.Scope.String(), Issuer: s.Issuer, ID: s.ID})
	}
	for _, p := range w.Positions {
		r.Positions = append(r.Positions, p.String())
	}
	return r
}

// verifyLog verifies the files of an audit log and prints what they hold.
func (c *auditCmd) verifyLog(out io.Writer) error {
	var sources []auditlog.Source
	for _, name := range c.Log {
		f, err := os.Open(name)
		if err != nil {
			return wiring.Usage("--log: %s", err)
		}
		defer f.Close()
		sources = append(sources, auditlog.Source{Name: name, Reader: f})
	}
	sum, err := auditlog.Verify(sources, strings.ToLower(c.Holds))
	if c.JSON {
		if printed := printJSON(out, newVerifiedLog(sum, err)); printed != nil {
			return printed
		}
	} else if _, printed := io.WriteString(out, logText(sum)); printed != nil {
		return printed
	}
	switch {
	case errors.Is(err, auditlog.ErrBroken):
		return wiring.WithHint(err, "name all files of the log, the oldest first; what comes after that line proves "+
			"nothing")
	case err != nil:
		return err
	case c.Holds != "" && sum.Holds == 0:
		return wiring.WithHint(fmt.Errorf("%w: no record has the hash %.64s", auditlog.ErrBroken, c.Holds),
			"if that was its head once, the log was cut off before it and written again")
	}
	return nil
}

func logText(s auditlog.Summary) string {
	if s.Records == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d records without a gap, number %d of %s to number %d of %s\nhead %s\n", s.Records, s.First.N,
		s.First.Time.Format(time.RFC3339), s.Last.N, s.Last.Time.Format(time.RFC3339), s.Head)
	if s.Holds > 0 {
		fmt.Fprintf(&b, "record %d has the hash that was asked for\n", s.Holds)
	}
	if s.Missing > 0 {
		fmt.Fprintf(&b, "%d records could not be written, as the log itself says\n", s.Missing)
	}
	if s.Damaged > 0 {
		fmt.Fprintf(&b, "%d times the process or the machine died while it wrote\n", s.Damaged)
	}
	if s.Incomplete {
		b.WriteString("the last line is incomplete: its writer died, or is writing it now\n")
	}
	return b.String()
}

// verifiedLog is a summary as --json shows it.
type verifiedLog struct {
	Whole      bool   `json:"whole"`
	Error      string `json:"error,omitempty"`
	Records    uint64 `json:"records"` // up to the first line that is wrong
	First      uint64 `json:"first"`   // its number
	Last       uint64 `json:"last"`
	Head       string `json:"head"`  // hash of the last line
	Holds      uint64 `json:"holds"` // number of the record with the hash of --holds; 0: none
	Missing    uint64 `json:"missing"`
	Damaged    int    `json:"damaged"`
	Incomplete bool   `json:"incomplete"`
}

func newVerifiedLog(s auditlog.Summary, err error) verifiedLog {
	v := verifiedLog{
		Whole: err == nil, Records: s.Records, First: s.First.N, Last: s.Last.N, Head: s.Head, Holds: s.Holds,
		Missing: s.Missing, Damaged: s.Damaged, Incomplete: s.Incomplete,
	}
	if err != nil {
		v.Error = err.Error()
	}
	return v
}
