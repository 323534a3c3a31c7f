package store

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
)

// The parts of the scripts. Redis compiles a script once and knows it by its hash.
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
	//go:embed lua/check.lua
	luaCheck string
	//go:embed lua/commit.lua
	luaCommit string
	//go:embed lua/describe.lua
	luaDescribe string
	//go:embed lua/fence.lua
	luaFence string
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
	//go:embed lua/renew.lua
	luaRenew string
	//go:embed lua/reopen.lua
	luaReopen string
	//go:embed lua/restore.lua
	luaRestore string
	//go:embed lua/set_terms.lua
	luaSetTerms string
	//go:embed lua/settle.lua
	luaSettle string
	//go:embed lua/snapshot.lua
	luaSnapshot string
	//go:embed lua/stream.lua
	luaStream string
	//go:embed lua/strike.lua
	luaStrike string
	//go:embed lua/turn.lua
	luaTurn string
	//go:embed lua/verify.lua
	luaVerify string
)

// effect says what a lost reply leaves open.
type effect uint8

const (
	reads  effect = iota // nothing: it may run again, and unanswered it is unavailable
	repeat               // it changes something, and running it twice is running it once
	once                 // it changes something and must not be run twice behind the caller's back
)

type script struct {
	name   string
	src    string
	sha    string
	effect effect
}

// The scripts, one for each operation. They are never changed.
var (
	describeScript = newScript("describe", reads, luaDescribe)
	renewScript    = newScript("renew", reads, luaGate, luaServe, luaRenew)
	checkScript    = newScript("check", reads, luaGate, luaServe, luaCheck)
	snapshotScript = newScript("snapshot", reads, luaGate, luaServe, luaSnapshot)
	leaveScript    = newScript("leave", repeat, luaGate, luaServe, luaLeave)

	commitScript  = newGrowing("commit", repeat, luaGate, luaServe, luaState, luaCommit)
	verifyScript  = newScript("verify", reads, luaGate, luaServe, luaVerify)
	membersScript = newScript("members", reads, luaGate, luaServe, luaMembers)
	strikeScript  = newScript("strike", repeat, luaGate, luaServe, luaStrike)
	logScript     = newScript("log", reads, luaLog)
	ackedScript   = newScript("acked", repeat, luaGate, luaServe, luaAcked)
	markScript    = newScript("mark", repeat, luaGate, luaServe, luaStream, luaMark)
	turnScript    = newScript("turn", repeat, luaGate, luaServe, luaTurn)
	settleScript  = newScript("settle", repeat, luaGate, luaServe, luaSettle)

	beginScript    = newGrowing("begin", once, luaBegin)
	restoreScript  = newGrowing("restore", once, luaState, luaRestore)
	openScript     = newGrowing("open", repeat, luaState, luaStream, luaOpen)
	reopenScript   = newScript("reopen", repeat, luaStream, luaReopen)
	fenceScript    = newScript("fence", repeat, luaFence)
	setTermsScript = newScript("set terms", repeat, luaGate, luaSetTerms)
)

// newScript puts the shebang in front: it makes Redis treat the script as one that
// writes, and so refuse it on a replica and on a cut-off primary. With the memory used
// up only what adds to the ledger is refused: workers go on renewing and checking, and
// what JetStream has acknowledged is trimmed, which is how memory comes back.
func newScript(name string, e effect, parts ...string) *script {
	return scriptOf("#!lua flags=allow-oom\n", name, e, parts)
}

// newGrowing is newScript for what adds to the ledger.
func newGrowing(name string, e effect, parts ...string) *script {
	return scriptOf("#!lua\n", name, e, parts)
}

func scriptOf(shebang, name string, e effect, parts []string) *script {
	src := shebang + luaPrelude
	for _, p := range parts {
		src += p
	}
	sum := sha1.Sum([]byte(src))
	return &script{name: name, src: src, sha: hex.EncodeToString(sum[:]), effect: e}
}
