package session

import (
	_ "embed"

	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/internal/script"
)

// All of them may run twice behind the caller's back: each recognises by what the call brings along
// (a new token's hash, its own mark) that it has run before.
var (
	//go:embed lua/session.lua
	luaSession string
	//go:embed lua/create.lua
	luaCreate string
	//go:embed lua/get.lua
	luaGet string
	//go:embed lua/update.lua
	luaUpdate string
	//go:embed lua/extend.lua
	luaExtend string
	//go:embed lua/rotate.lua
	luaRotate string
	//go:embed lua/end.lua
	luaEnd string
	//go:embed lua/endall.lua
	luaEndAll string
	//go:embed lua/list.lua
	luaList string

	createScript = account.Growing("session create", script.Repeat, luaSession, luaCreate)
	getScript    = account.Script("session get", script.Repeat, luaSession, luaGet)
	updateScript = account.Growing("session update", script.Repeat, luaSession, luaUpdate)
	extendScript = account.Script("session extend", script.Repeat, luaSession, luaExtend)
	rotateScript = account.Script("session rotate", script.Repeat, luaSession, luaRotate)
	endScript    = account.Script("session end", script.Repeat, luaSession, luaEnd)
	endAllScript = account.Script("session end all", script.Repeat, luaSession, luaEndAll)
	listScript   = account.Script("session list", script.Repeat, luaSession, luaList)
)
