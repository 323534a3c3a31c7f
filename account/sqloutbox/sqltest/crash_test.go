package sqltest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
)

var errCrashed = errors.New("the process has died")

// crash counts the steps of a process, statements and calls of the publisher, and lets it
// die at one of them: before it takes effect or, with after, when it has and nobody is told.
// From then on nothing that the process does has any effect.
type crash struct {
	at    int
	after bool

	mu    sync.Mutex // guards the rest
	steps int
	dead  bool
}

// next says whether the next step takes effect, and whether the process lives to see it.
func (c *crash) next() (apply, live bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false, false
	}
	c.steps++
	c.dead = c.steps == c.at
	return !c.dead || c.after, !c.dead
}

func (c *crash) died() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func step[T any](c *crash, do func() (T, error)) (result T, err error) {
	apply, live := c.next()
	if apply {
		result, err = do()
	}
	if !live {
		err = errCrashed
	}
	return result, err
}

// hook makes the publisher part of the process.
func (c *crash) hook(string) (apply bool, err error) {
	apply, live := c.next()
	if !live {
		err = errCrashed
	}
	return apply, err
}

// connector makes connections whose statements are steps.
type connector struct {
	base driver.Driver
	dsn  string
	c    *crash
}

func (k *connector) Driver() driver.Driver { return k.base }

func (k *connector) Connect(context.Context) (driver.Conn, error) {
	inner, err := k.base.Open(k.dsn)
	if err != nil {
		return nil, err
	}
	return &conn{inner, k.c}, nil
}

type conn struct {
	driver.Conn
	c *crash
}

func (k *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return step(k.c, func() (driver.Result, error) {
		return k.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	})
}

func (k *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if _, live := k.c.next(); !live {
		return nil, errCrashed
	}
	return k.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (k *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if _, live := k.c.next(); !live {
		return nil, errCrashed
	}
	inner, err := k.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return &transaction{inner, k.c}, err
}

func (k *conn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := k.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// transaction is rolled back where the process dies: the server sees its connection end.
type transaction struct {
	driver.Tx
	c *crash
}

func (x *transaction) Commit() error {
	apply, live := x.c.next()
	var err error
	if apply {
		err = x.Tx.Commit()
	} else {
		err = x.Tx.Rollback()
	}
	if !live {
		return errCrashed
	}
	return err
}

// process is a process that will die: what it does to the database and tells the publisher.
func (w *world) process(t *testing.T, at int, after bool) (*sql.DB, *hookedPublisher, *crash) {
	c := &crash{at: at, after: after}
	dsn := w.base.dsn
	if w.base.driver == "mysql" {
		dsn += "&interpolateParams=true" // one statement, not one that is prepared and one that runs it
	}
	db := sql.OpenDB(&connector{w.db.Driver(), dsn, c})
	t.Cleanup(func() { must(t, db.Close()) })
	return db, &hookedPublisher{Publisher: w.pub.Publisher, hook: c.hook}, c
}
