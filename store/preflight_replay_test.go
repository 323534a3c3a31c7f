package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

const operator = "--user op on >op ~* &* +@all"

func withRules(t *testing.T, rules string) *storetest.Server {
	t.Helper()
	return storetest.Redis(t, strings.Fields(operator+" --user default "+rules)...)
}

// as opens the realm "replay" of a server as one of its users.
func as(t *testing.T, s *storetest.Server, user string, o store.Options) *store.Ledger {
	t.Helper()
	l, err := store.Open(fmt.Sprintf("redis://%[1]s:%[1]s@%[2]s", user, s.Addr()), "replay", o)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// TestPreflightOfReplay: a default user who may not replay one of the commands on one of
// the keys is found out, the command in the refusal mends it, and nothing is lost then.
func TestPreflightOfReplay(t *testing.T) {
	for _, rules := range []string{
		"off", "on nopass resetkeys resetchannels -@all +ping", "off ~* &* +@all -hset",
		"off ~* +@all -zremrangebyrank",
		"off ~{rv:other}:* +@all", "off ~{rv:replay}:s:* ~{rv:replay}:log +@all", "off %R~* +@all", "off ~* +@read",
	} {
		t.Run(rules, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			server := withRules(t, rules)
			l := as(t, server, "op", store.Options{})
			_, err := l.Preflight(ctx)
			if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), store.MendReplay) {
				t.Fatalf("Preflight: %v, want ErrUnsuited with %q", err, store.MendReplay)
			}
			c, err := store.NewClient("redis://op:op@" + server.Addr())
			must(t, err)
			defer c.Close()
			var command []any
			for _, word := range strings.Fields(store.MendReplay) {
				command = append(command, word)
			}
			must(t, c.Do(ctx, command...).Err())
			warnings, err := l.Preflight(ctx)
			if err != nil || len(warnings) != 0 {
				t.Errorf("mended, Preflight says %v, %q", err, warnings)
			}
		})
	}
}

// TestRestartUnderReplayRights: of what was written to a server that preflight accepts a
// restart loses nothing, whether its users stand in its arguments or in an ACL file.
func TestRestartUnderReplayRights(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.acl")
	must(t, os.WriteFile(file, []byte("user default off ~* &* +@all\nuser op on >op ~* &* +@all\n"), 0o600))
	for name, args := range map[string]string{
		"arguments": operator + " --user default off ~* &* +@all", "ACL file": "--aclfile " + file,
		"password alone": "--requirepass secret " + operator,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			server := storetest.Redis(t, strings.Fields(args)...)
			l := as(t, server, "op", store.Options{})
			if warnings, err := l.Preflight(ctx); err != nil || len(warnings) != 0 {
				t.Fatalf("Preflight: %v %q", err, warnings)
			}
			must(t, storetest.Start(ctx, l, 1))
			for i := range 20 {
				commit(t, l, fmt.Sprint(i), principal(fmt.Sprint("p", i)))
			}
			before, had := digest(t, server)
			server.Restart()
			if after, has := digest(t, server); before != after || had < 20 {
				t.Errorf("%d keys before the restart, %d after it; digests %s and %s", had, has, before, after)
			}
		})
	}
}

// digest sums up everything that a server holds, once it has loaded it.
func digest(t *testing.T, s *storetest.Server) (sum string, keys int64) {
	t.Helper()
	c, err := store.NewClient("redis://op:op@" + s.Addr())
	must(t, err)
	defer c.Close()
	ctx := within(t, 10*time.Second)
	must(t, storetest.Eventually(ctx, func() error {
		keys, err = c.DBSize(ctx).Result()
		return err
	}))
	sum, err = c.Do(ctx, "DEBUG", "DIGEST").Text()
	must(t, err)
	return sum, keys
}

// TestReplayThatCannotBeSeen: where the user may not ask, publishers are warned of what to
// look at, and workers are not. A server without an append-only file replays nothing.
func TestReplayThatCannotBeSeen(t *testing.T) {
	for _, c := range []struct {
		name, aof string
		o         store.Options
		warns     bool
	}{
		{"publisher", "yes", store.Options{}, true},
		{"worker", "yes", store.Options{Class: "web"}, false},
		{"snapshots", "no", store.Options{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := "--appendonly " + c.aof + " --user default off --user blind on >blind ~* &* +@all -acl"
			if c.aof == "no" {
				args = "--save 60 1 " + args
			}
			l := as(t, storetest.Redis(t, strings.Fields(args)...), "blind", c.o)
			warnings, err := l.Preflight(within(t, 10*time.Second))
			must(t, err)
			warned := slices.ContainsFunc(warnings, func(w store.Warning) bool {
				return strings.Contains(string(w), "+acl|dryrun") && strings.Contains(string(w), store.MendReplay)
			})
			if warned != c.warns {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
}

// TestReplayedCommandsAreAll: every command that a script calls and that writes is asked
// about, those of the account stores included.
func TestReplayedCommandsAreAll(t *testing.T) {
	asked := map[string]bool{"PEXPIRE": true, "EXPIRE": true} // written down as PEXPIREAT
	for _, line := range store.Replayed {
		name, _, _ := strings.Cut(line, " ")
		asked[name] = true
	}
	rdb := storetest.Redis(t).Client()
	called := regexp.MustCompile(`(?:call\(|\{ )'([A-Za-z]+)'`)
	seen := map[string]bool{}
	for _, root := range []string{".", "../account"} {
		must(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".lua" {
				return err
			}
			text, err := os.ReadFile(name)
			for _, m := range called.FindAllStringSubmatch(string(text), -1) {
				seen[strings.ToUpper(m[1])] = true
			}
			return err
		}))
	}
	writes := 0
	for name := range seen {
		info, err := rdb.Do(t.Context(), "COMMAND", "INFO", name).Slice()
		must(t, err)
		fields, known := info[0].([]any)
		if !known {
			continue // a table that begins with a word
		}
		if flags, _ := fields[2].([]any); !slices.Contains(flags, any("write")) {
			continue
		}
		writes++
		if !asked[name] {
			t.Errorf("scripts write with %s, and preflight does not ask whether the default user may", name)
		}
	}
	if writes < 15 {
		t.Errorf("only %d commands that write were found", writes)
	}
}
