package denylist_test

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/publisher"
)

// A theft is found out: what alice was given before it was noticed ends by one cut-off, and
// so do the two tokens that the thief got since.
func Example() {
	theft := func(ctx context.Context, rdb redis.UniversalClient, pub *publisher.Publisher, noticed time.Time,
		thiefs []denylist.Token,
	) error {
		box, err := outbox.New(rdb, pub, outbox.Options{}) // box.Run runs elsewhere
		if err != nil {
			return err
		}
		list, err := denylist.New(box, pub, denylist.Options{})
		if err != nil {
			return err
		}
		why := revocast.Cause{Reason: "theft", Initiator: "admin"}
		_, err = list.RevokeIssued(ctx, why, denylist.Issued{Principal: "alice", AsOf: noticed}, thiefs)
		return err // nil: no worker accepts any of them any more
	}
	_ = theft
}
