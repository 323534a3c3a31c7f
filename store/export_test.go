package store

import (
	"context"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

// OpenStep is one step of Open, which logs at most n entries again.
func (l *Ledger) OpenStep(ctx context.Context, o port.Opening, n int) (bool, error) {
	return l.open(ctx, o, n)
}

// Replayed are the commands that preflight asks about.
var Replayed = replayed

// CommitArgs are the arguments of a run of the commit script for one call.
func (l *Ledger) CommitArgs(idempotency string, proposals []revocast.Event) []any {
	return append([]any{leeway, margin, inStep}, l.commitArgs(idempotency, proposals)...)
}

// Digest is the name under which the answer to an idempotency key is kept.
var Digest = digest

// ScriptInfo is what a test must know of a script.
type ScriptInfo struct {
	Source string
	Once   bool // it is not run again behind the caller's back
}

// Scripts are all scripts, by their file's name without .lua.
func Scripts() map[string]ScriptInfo {
	all := map[string]ScriptInfo{}
	for _, s := range []*script.Script{
		describeScript, renewScript, checkScript, snapshotScript, leaveScript, commitScript, verifyScript,
		membersScript,
		strikeScript, logScript, ackedScript, markScript, turnScript, settleScript, beginScript, restoreScript,
		openScript,
		reopenScript, fenceScript, setTermsScript, sightScript, turnLeadsScript, forgetScript, recountScript,
		sealedScript, moveNamesScript, oldNamesScript, rekeyScript, admitScript, pruneScript,
	} {
		all[strings.ReplaceAll(s.Name, " ", "_")] = ScriptInfo{Source: s.Source, Once: s.Effect == script.Once}
	}
	return all
}
