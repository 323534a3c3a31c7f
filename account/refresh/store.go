package refresh

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/internal/script"
)

// Ender tells the fleet what was decided here; an outbox.Outbox does.
type Ender interface {
	// Realm and Redis are the realm and the client of the store's own scripts, too: what
	// they write down is told by this outbox.
	Realm() string
	Redis() redis.UniversalClient
	// Complete tells what is owed under id, and nothing where it was told already.
	Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error)
}

// Store is the refresh tokens of one realm. It is safe for concurrent use.
type Store struct {
	db    account.Realm
	keys  []string // that its scripts are called with
	realm string
	ender Ender
	mints []mint // of Options.Key, then of the previous ones
	o     Options
}

var (
	//go:embed lua/family.lua
	luaFamily string
	//go:embed lua/login.lua
	luaLogin string
	//go:embed lua/issue.lua
	luaIssue string
	//go:embed lua/rotate.lua
	luaRotate string
	//go:embed lua/find.lua
	luaFind string
	//go:embed lua/finish.lua
	luaFinish string
	//go:embed lua/finish_all.lua
	luaFinishAll string
	//go:embed lua/list.lua
	luaList string

	issueScript     = account.Growing("refresh issue", script.Repeat, luaFamily, luaLogin, luaIssue)
	rotateScript    = account.Script("refresh rotate", script.Repeat, luaFamily, luaRotate)
	findScript      = account.Script("refresh find", script.Reads, luaFamily, luaFind)
	finishScript    = account.Script("refresh finish", script.Repeat, luaFamily, luaFinish)
	finishAllScript = account.Script("refresh finish all", script.Repeat, luaFamily, luaLogin, luaFinishAll)
	listScript      = account.Script("refresh list", script.Reads, luaFamily, luaLogin, luaList)
)

// New returns the store of the outbox's realm, in the outbox's Redis. It sends nothing yet. It
// fails with [revocast.ErrInvalid] where an argument or an option is no good.
func New(ender Ender, o Options) (*Store, error) {
	if ender == nil {
		return nil, fmt.Errorf("%w: refresh tokens need an outbox", revocast.ErrInvalid)
	}
	realm := ender.Realm()
	db, err := account.Open(ender.Redis(), realm, o.Clock)
	if err != nil {
		return nil, err
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	s := &Store{db: db, keys: db.Keys, realm: realm, ender: ender, o: o}
	for _, key := range append([][]byte{o.Key}, o.Previous...) {
		m, err := newMint(key, realm)
		if err != nil {
			return nil, err
		}
		s.mints = append(s.mints, m)
	}
	return s, nil
}

// key is the revocation key of a name: what Redis keys hold and scripts compare, of one
// length and without the name in it.
func (s *Store) key(scope revocast.Scope, name string) string {
	return revocast.KeyOf(s.realm, scope, s.o.Issuer, name).String()
}

func (s *Store) who(principal string) string { return s.key(revocast.ScopePrincipal, principal) }

// wanted appends the keys of what is expected, as scripts take them.
func (s *Store) wanted(args []any, want Expect) []any {
	for _, w := range [...]struct {
		scope revocast.Scope
		name  string
	}{
		{revocast.ScopePrincipal, want.Principal},
		{revocast.ScopeTenant, want.Tenant},
		{revocast.ScopeClient, want.Client},
	} {
		if w.name == "" {
			args = append(args, "")
		} else {
			args = append(args, s.key(w.scope, w.name))
		}
	}
	return args
}

// checkText refuses what could never be revoked, or told to the fleet.
func checkText(field, text string, longest int) error {
	switch {
	case text == "":
		return fmt.Errorf("%w: %s is empty", revocast.ErrInvalid, field)
	case len(text) > longest:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", revocast.ErrInvalid, field, len(text), longest)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: %s is not valid UTF-8", revocast.ErrInvalid, field)
	}
	return nil
}

// checkWord is checkText for what is optional and shown to people.
func checkWord(field, text string) error {
	if text == "" {
		return nil
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return fmt.Errorf("%w: %s has control characters", revocast.ErrInvalid, field)
	}
	return checkText(field, text, revocast.MaxReason)
}
