package law

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/account/sqloutbox"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/store"
	tokens "github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// made is a struct of options, which the constructor accepts, and that constructor.
type made struct {
	options   any
	construct func(options any) error
	none      []string // the fields that have a named constant for none
}

// by is the entry of a struct of options whose constructor is f.
func by[O, P any](options O, f func(O) (P, error), none ...string) made {
	return made{options, func(o any) error { _, err := f(o.(O)); return err }, none}
}

// notConstructed are structs of options that no constructor takes, and why.
var notConstructed = map[string]string{
	"CallOptions":                      "NewCallOptions makes them of a CallOption each, and checks them",
	"port.StreamOptions":               "an argument of Bus.Prepare, which has a test of its own",
	"account/session/scsstore.Options": "of another module, with a test of its own",
}

// nowhere is an address at which nobody listens.
const nowhere = "127.0.0.1:1"

func constructors(t *testing.T) map[string]made {
	ledgers, buses := fake.NewRealm(t, fake.LedgerOptions{}, fake.BusOptions{})
	ledger, bus := ledgers.Link("p"), buses.Link("p")
	rdb := option.Must(store.NewClient("redis://" + nowhere))
	conn := option.Must(events.Connect("nats://"+nowhere, events.ConnectOptions{Patient: true}))
	away := realm.Options{NATS: "nats://" + nowhere, Redis: "redis://" + nowhere}
	open := option.Must(realm.Open(t.Context(), "r", away))
	t.Cleanup(func() { open.Close(); conn.Close(); rdb.Close() })
	pub := option.Must(publisher.New(ledger, bus, publisher.Options{}))
	sub := option.Must(worker.NewSubscriber(ledger, bus, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{}))
	box := option.Must(outbox.New(rdb, pub, outbox.Options{}))
	key := make([]byte, 32)
	codes := option.Must(code.New(rdb, pub.Realm(), code.Options{Key: key}))
	signing := option.Must(tokens.NewSigningKey())
	keys := option.Must(tokens.Static(option.Must(tokens.NewIssuer("i", signing, tokens.IssuerOptions{})).Key()))
	rows := option.Must(sqloutbox.New(sqloutbox.SQLite, sqloutbox.Options{}))
	return map[string]made{
		"publisher.Options": by(publisher.Options{}, func(o publisher.Options) (any, error) {
			return publisher.New(ledger, bus, o)
		}),
		"publisher.RepairOptions": by(publisher.RepairOptions{}, func(o publisher.RepairOptions) (any, error) {
			return publisher.Repair(t.Context(), ledger, bus, publisher.JetStream, o)
		}),
		"publisher.MoveOptions": by(publisher.MoveOptions{}, func(o publisher.MoveOptions) (any, error) {
			return publisher.MoveNames(t.Context(), ledger, bus, o)
		}),
		"worker.SubscriberOptions": by(worker.SubscriberOptions{}, func(o worker.SubscriberOptions) (any, error) {
			return worker.NewSubscriber(ledger, bus, option.Must(cache.New(cache.Options{})), o)
		}),
		"worker.GuardOptions": by(worker.GuardOptions{}, func(o worker.GuardOptions) (any, error) {
			return worker.NewGuard(sub, nil, o)
		}),
		"worker.Options": by(worker.Options{}, func(o worker.Options) (any, error) { return open.Worker(nil, o) }),
		"cache.Options":  by(cache.Options{}, cache.New, "Entries", "Revocations"),
		"events.Options": by(events.Options{}, func(o events.Options) (any, error) { return events.New(conn, "r", o) }),
		"events.ConnectOptions": by(events.ConnectOptions{Patient: true}, func(o events.ConnectOptions) (any, error) {
			return closed(events.Connect("nats://"+nowhere, o))
		}),
		"store.Options": by(store.Options{}, func(o store.Options) (any, error) { return store.New(rdb, "r", o) }),
		"store.ClientOptions": by(store.ClientOptions{}, func(o store.ClientOptions) (any, error) {
			return store.NewClientWith("redis://"+nowhere, o)
		}),
		"realm.Options": by(away, func(o realm.Options) (any, error) {
			return closed(realm.Open(t.Context(), "r", o))
		}),
		"token.Options": by(tokens.Options{AnyIssuer: true, AnyAudience: true},
			func(o tokens.Options) (any, error) { return tokens.New(keys, o) }, "Leeway"),
		"token.SourceOptions": by(tokens.SourceOptions{}, func(o tokens.SourceOptions) (any, error) {
			return tokens.JWKS("https://keys.example/jwks.json", o)
		}),
		"token.IssuerOptions": by(tokens.IssuerOptions{}, func(o tokens.IssuerOptions) (any, error) {
			return tokens.NewIssuer("i", signing, o)
		}),
		"client.Options": by(client.Options{}, func(o client.Options) (any, error) {
			return client.New("http://"+nowhere, o)
		}, "Retries"),
		"account/outbox.Options": by(outbox.Options{}, func(o outbox.Options) (any, error) {
			return outbox.New(rdb, pub, o)
		}),
		"account/session.Options": by(session.Options{}, func(o session.Options) (any, error) {
			return session.New(box, o)
		}),
		"account/refresh.Options": by(refresh.Options{Key: key}, func(o refresh.Options) (any, error) {
			return refresh.New(box, o)
		}, "Grace"),
		"account/code.Options": by(code.Options{Key: key}, func(o code.Options) (any, error) {
			return code.New(rdb, "r", o)
		}, "Interval"),
		"account/limit.Options": by(limit.Options{}, func(o limit.Options) (any, error) {
			return limit.New(rdb, "r", o)
		}),
		"account/reset.Options": by(reset.Options{}, func(o reset.Options) (any, error) {
			return reset.New(codes, box, func(context.Context, string, string) error { return nil }, o)
		}),
		"account/denylist.Options": by(denylist.Options{}, func(o denylist.Options) (any, error) {
			return denylist.New(box, pub, o)
		}),
		"account/sqloutbox.Options": by(sqloutbox.Options{}, func(o sqloutbox.Options) (any, error) {
			return sqloutbox.New(sqloutbox.SQLite, o)
		}),
		"account/sqloutbox.RelayOptions": by(sqloutbox.RelayOptions{}, func(o sqloutbox.RelayOptions) (any, error) {
			return sqloutbox.NewRelay(new(sql.DB), rows, pub, o)
		}),
	}
}

// closed closes what was made of options that were accepted.
func closed[C interface{ Close() }](c C, err error) (C, error) {
	if err == nil {
		c.Close()
	}
	return c, err
}

// TestLawForOptions: the zero value is good, and each number that is negative makes the constructor
// fail with an error that names the field, but for the one value that has a name.
func TestLawForOptions(t *testing.T) {
	t.Chdir(root)
	for name, m := range constructors(t) {
		// Whose constructors act, too.
		if name != "publisher.RepairOptions" && name != "publisher.MoveOptions" {
			if err := m.construct(m.options); err != nil {
				t.Errorf("%s: the defaults are refused: %v", name, err)
			}
		}
		numbers(reflect.ValueOf(m.options), func(field string, with func(int64) any) {
			none := slices.Contains(m.none, field)
			least := int64(-1)
			if none {
				if err := m.construct(with(option.None)); err != nil {
					t.Errorf("%s.%s: none is refused: %v", name, field, err)
				}
				least = -2
			}
			for _, value := range []int64{least, -1 << 31} {
				err := m.construct(with(value))
				if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(fmt.Sprint(err), "."+field+" is -") {
					t.Errorf("%s.%s of %d: %v, want ErrInvalid that names it", name, field, value, err)
				}
			}
		})
	}
}

// numbers calls f for each number and duration of a struct of options, those of the structs in it
// included; with is a copy of the whole with another value there.
func numbers(options reflect.Value, f func(field string, with func(int64) any)) {
	for i := range options.NumField() {
		field := options.Type().Field(i)
		change := func(to func(reflect.Value)) any {
			whole := reflect.New(options.Type()).Elem()
			whole.Set(options)
			to(whole.Field(i))
			return whole.Interface()
		}
		switch {
		case options.Field(i).CanInt():
			f(field.Name, func(n int64) any { return change(func(v reflect.Value) { v.SetInt(n) }) })
		case field.Type.Kind() == reflect.Struct && strings.HasSuffix(field.Type.Name(), "Options"):
			numbers(options.Field(i), func(name string, with func(int64) any) {
				f(name, func(n int64) any {
					return change(func(v reflect.Value) { v.Set(reflect.ValueOf(with(n))) })
				})
			})
		}
	}
}

// TestAllOptionsAreHeldToTheLaw finds the structs in the source. What commands and tests alone use
// is no public package, and embedded is a module of its own.
func TestAllOptionsAreHeldToTheLaw(t *testing.T) {
	t.Chdir(root)
	held, found := constructors(t), map[string]bool{}
	eachGoFile(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") || !public(path.Dir(file)) {
			return
		}
		for _, s := range structsOfOptions(t, file) {
			name := s.Name.Name
			checkLogger(t, file, s)
			if dir := path.Dir(file); dir != "." {
				name = dir + "." + name
			}
			found[name] = true
			if _, ok := held[name]; !ok && notConstructed[name] == "" {
				t.Errorf("%s: %s is neither among the constructors of this test nor said to have none", file, name)
			}
		}
	})
	for name := range held {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for name := range notConstructed {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

func public(dir string) bool {
	apart := []string{"internal", "cmd", "embedded", "examples", "tools", "model"}
	for _, part := range strings.Split(dir, "/") {
		if slices.Contains(apart, part) || strings.HasSuffix(part, "test") {
			return false
		}
	}
	return true
}

// structsOfOptions are the exported structs of a file whose names end in Options.
func structsOfOptions(t *testing.T, file string) (found []*ast.TypeSpec) {
	text := parser.SkipObjectResolution | parser.ParseComments
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, text)
	if err != nil {
		t.Fatal(err)
	}
	for node := range ast.Preorder(parsed) {
		switch n := node.(type) {
		case *ast.TypeSpec:
			_, ok := n.Type.(*ast.StructType)
			if ok && n.Name.IsExported() && strings.HasSuffix(n.Name.Name, "Options") {
				found = append(found, n)
			}
		case *ast.Ident:
			if n.Name == "DiscardHandler" {
				t.Errorf("%s: what nobody asked for a logger says goes to slog.Default, not to DiscardHandler", file)
			}
		}
	}
	return found
}

// checkLogger holds the documentation of a Logger to what every part does without one.
func checkLogger(t *testing.T, file string, s *ast.TypeSpec) {
	for _, field := range s.Type.(*ast.StructType).Fields.List {
		for _, name := range field.Names {
			doc := strings.ToLower(field.Doc.Text() + field.Comment.Text())
			if name.Name == "Logger" && !strings.Contains(doc, "default [slog.default]") {
				t.Errorf("%s: %s.Logger: %q, want that the default is [slog.Default]", file, s.Name.Name, doc)
			}
		}
	}
}
