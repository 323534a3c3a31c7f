package sqloutbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// A password is changed and everything that was issued with the old one ends, or neither
// happens, whatever crashes when.
func Example() {
	change := func(ctx context.Context, db *sql.DB, box *sqloutbox.Outbox, relay *sqloutbox.Relay, user,
		hash string,
	) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // does nothing after the commit
		if _, err := tx.ExecContext(ctx, "UPDATE users SET password_hash = $1 WHERE name = $2", hash,
			user); err != nil {
			return err
		}
		refs, err := box.Record(ctx, tx,
			sqloutbox.PasswordChanged(revocast.PasswordChange{Principal: user, Initiator: "user"}))
		if err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		// From here on it will be done. relay.Run, in any process, does it if this one dies.
		if _, err := relay.Complete(ctx, refs...); err != nil {
			return fmt.Errorf("the password is changed; old sessions end as soon as possible: %w", err)
		}
		return nil // no worker accepts them any more
	}
	_ = change
}

// The statement that a migration runs.
func ExampleOutbox_Schema() {
	box, err := sqloutbox.New(sqloutbox.Postgres, sqloutbox.Options{Table: "app.revocations"})
	if errors.Is(err, revocast.ErrInvalid) {
		return
	}
	fmt.Println(box.Schema()[1])
	// Output: CREATE INDEX IF NOT EXISTS revocations_handed ON app.revocations (handed_ms, id)
}
