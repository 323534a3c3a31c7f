package store

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/internal/script"
)

// The parts of the scripts.
var (
	//go:embed lua/prelude.lua
	luaPrelude string
	//go:embed lua/gate.lua
	luaGate string
	//go:embed lua/serve.lua
	luaServe string
	//go:embed lua/state.lua
	luaState string

	//go:embed lua/acked.lua
	luaAcked string
	//go:embed lua/begin.lua
	luaBegin string
	//go:embed lua/admit.lua
	luaAdmit string
	//go:embed lua/classes.lua
	luaClasses string
	//go:embed lua/prune.lua
	luaPrune string
	//go:embed lua/check.lua
	luaCheck string
	//go:embed lua/commit.lua
	luaCommit string
	//go:embed lua/describe.lua
	luaDescribe string
	//go:embed lua/fence.lua
	luaFence string
	//go:embed lua/forget.lua
	luaForget string
	//go:embed lua/leads.lua
	luaLeads string
	//go:embed lua/leave.lua
	luaLeave string
	//go:embed lua/log.lua
	luaLog string
	//go:embed lua/mark.lua
	luaMark string
	//go:embed lua/members.lua
	luaMembers string
	//go:embed lua/open.lua
	luaOpen string
	//go:embed lua/recount.lua
	luaRecount string
	//go:embed lua/renew.lua
	luaRenew string
	//go:embed lua/reopen.lua
	luaReopen string
	//go:embed lua/restore.lua
	luaRestore string
	//go:embed lua/move_names.lua
	luaMoveNames string
	//go:embed lua/old_names.lua
	luaOldNames string
	//go:embed lua/rekey.lua
	luaRekey string
	//go:embed lua/sealed.lua
	luaSealed string
	//go:embed lua/set_terms.lua
	luaSetTerms string
	//go:embed lua/settle.lua
	luaSettle string
	//go:embed lua/sight.lua
	luaSight string
	//go:embed lua/snapshot.lua
	luaSnapshot string
	//go:embed lua/stream.lua
	luaStream string
	//go:embed lua/strike.lua
	luaStrike string
	//go:embed lua/turn.lua
	luaTurn string
	//go:embed lua/turn_leads.lua
	luaTurnLeads string
	//go:embed lua/verify.lua
	luaVerify string
)

// The scripts, one for each operation. They are never changed.
var (
	describeScript = script.New("describe", script.Reads, luaPrelude, luaLeads, luaDescribe)
	renewScript    = script.New("renew", script.Reads, luaPrelude, luaGate, luaServe, luaClasses, luaRenew)
	checkScript    = script.New("check", script.Reads, luaPrelude, luaGate, luaServe, luaCheck)
	sightScript    = script.New("sight", script.Reads, luaPrelude, luaGate, luaServe, luaClasses, luaLeads, luaSight)
	snapshotScript = script.New("snapshot", script.Reads, luaPrelude, luaGate, luaServe, luaSnapshot)
	leaveScript    = script.New("leave", script.Repeat, luaPrelude, luaGate, luaServe, luaClasses, luaLeave)

	commitScript = script.NewGrowing("commit", script.Repeat, luaPrelude, luaGate, luaServe, luaState, luaClasses,
		luaLeads,
		luaCommit)
	verifyScript    = script.New("verify", script.Reads, luaPrelude, luaGate, luaServe, luaVerify)
	sealedScript    = script.New("sealed", script.Reads, luaPrelude, luaGate, luaServe, luaSealed)
	admitScript     = script.NewGrowing("admit", script.Repeat, luaPrelude, luaGate, luaClasses, luaAdmit)
	pruneScript     = script.New("prune", script.Repeat, luaPrelude, luaGate, luaClasses, luaPrune)
	membersScript   = script.New("members", script.Reads, luaPrelude, luaGate, luaServe, luaClasses, luaMembers)
	strikeScript    = script.New("strike", script.Repeat, luaPrelude, luaGate, luaServe, luaClasses, luaStrike)
	logScript       = script.New("log", script.Reads, luaPrelude, luaLog)
	ackedScript     = script.New("acked", script.Repeat, luaPrelude, luaGate, luaServe, luaAcked)
	markScript      = script.New("mark", script.Repeat, luaPrelude, luaGate, luaServe, luaStream, luaMark)
	forgetScript    = script.New("forget", script.Repeat, luaPrelude, luaGate, luaServe, luaForget)
	recountScript   = script.New("recount", script.Repeat, luaPrelude, luaServe, luaRecount)
	turnScript      = script.New("turn", script.Repeat, luaPrelude, luaGate, luaServe, luaTurn)
	turnLeadsScript = script.New("turn leads", script.Repeat, luaPrelude, luaGate, luaServe, luaLeads, luaTurnLeads)
	settleScript    = script.New("settle", script.Repeat, luaPrelude, luaGate, luaServe, luaSettle)

	beginScript     = script.NewGrowing("begin", script.Once, luaPrelude, luaClasses, luaBegin)
	restoreScript   = script.NewGrowing("restore", script.Once, luaPrelude, luaState, luaRestore)
	openScript      = script.NewGrowing("open", script.Repeat, luaPrelude, luaState, luaStream, luaOpen)
	reopenScript    = script.New("reopen", script.Repeat, luaPrelude, luaStream, luaReopen)
	fenceScript     = script.New("fence", script.Repeat, luaPrelude, luaFence)
	moveNamesScript = script.New("move names", script.Repeat, luaPrelude, luaStream, luaMoveNames)
	oldNamesScript  = script.New("old names", script.Reads, luaPrelude, luaOldNames)
	rekeyScript     = script.NewGrowing("rekey", script.Repeat, luaPrelude, luaState, luaRekey)
	setTermsScript  = script.New("set terms", script.Repeat, luaPrelude, luaGate, luaSetTerms)
)

// run executes one script of the publishers'.
func (l *Ledger) run(ctx context.Context, rdb redis.UniversalClient, s *script.Script, args ...any) (any, error) {
	return s.Run(ctx, rdb, l.keys, args...)
}

// runForWorker executes one script on behalf of a worker.
func (l *Ledger) runForWorker(ctx context.Context, rdb redis.UniversalClient, s *script.Script,
	args ...any,
) (any, error) {
	return s.Run(ctx, rdb, l.classKeys, args...)
}
