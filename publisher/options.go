package publisher

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// Options tune a [Publisher]; the zero value works.
type Options struct {
	// CommitTimeout is how long one commit may take, its retries included, before its
	// outcome counts as unknown. Default 5s.
	CommitTimeout time.Duration
	// Receipts is how many receipts are remembered for [Publisher.Await]. Default
	// 10,000; older ones are worked out again from the stores.
	Receipts int
	// MaxOpen is how many calls may be on their way to confirmation, those whose callers
	// have left included. Beyond it a call ends when it is committed, with [revocast.ErrPending].
	// Default 20,000, some 10 KiB each.
	MaxOpen int

	// Classes are the classes of workers ([A-Za-z0-9_-]{1,64}) that this publisher lets in, beside
	// [port.DefaultClass]. A class stays in once a publisher has let it in. Default: no other.
	Classes []string

	// StreamReplicas is how many replicas a stream has that must be made again because it was
	// lost. Default 1; 3 in a cluster.
	StreamReplicas int
	// AuditEvery is how often the stream is compared with the ledger, by one publisher of
	// the realm. Default 5s.
	AuditEvery time.Duration
	// RecoverEmpty lets this publisher refill from JetStream a Redis that holds nothing
	// of the realm and that it has not seen serve it before. That Redis may be a wrong
	// one, and the right one is fenced when it is taken for it. Default: refuse. A Redis
	// that was emptied under a running publisher is refilled in any case.
	RecoverEmpty bool
	// SnapshotEvery is how often the live states are packed for workers that start, by
	// one publisher of the realm, where the log has grown by SnapshotAfter revisions.
	// Defaults 2m and 2,000.
	SnapshotEvery time.Duration
	SnapshotAfter uint64

	// Names are the realm's name secrets. Default: none, for a realm without.
	Names *names.Secrets
	// NameKeys seal the names of what is revoked, so that publishers that have them can say who it was
	// ([Publisher.Who]): 32 bytes each, the latest last. No worker has them, so none of them may be one of Names.
	// Default: names are not kept.
	NameKeys *names.Secrets

	Clock  port.Clock   // default [port.SystemClock]
	Logger *slog.Logger // default [slog.Default]
	// Random is where jitter comes from. Default: crypto/rand.
	Random func() uint64
}

// complete puts defaults in the place of zeros, and fails with [revocast.ErrInvalid].
func (o *Options) complete() error {
	if o.Clock == nil {
		o.Clock = port.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Random == nil {
		o.Random = component.Random
	}
	for _, class := range o.Classes {
		if err := port.CheckClass(class); err != nil {
			return fmt.Errorf("publisher.Options.Classes: %w", err)
		}
	}
	if o.NameKeys != nil {
		if _, err := o.NameKeys.Sealer(""); err != nil {
			return fmt.Errorf("publisher.Options.NameKeys: %w", err)
		}
		if o.NameKeys.Shares(o.Names) { // every worker has the secrets, and could open all names
			return fmt.Errorf("publisher.Options.NameKeys: %w: a name key is one of the name secrets, which workers "+
				"have too: make another one (--names-key, --names-key-file)", revocast.ErrInvalid)
		}
	}
	component.SetDefault(&o.SnapshotAfter, 2000)
	return option.Complete("publisher.Options",
		option.Of("CommitTimeout", &o.CommitTimeout, 5*time.Second),
		option.Of("Receipts", &o.Receipts, 10_000),
		option.Of("MaxOpen", &o.MaxOpen, 20_000),
		option.Of("StreamReplicas", &o.StreamReplicas, 1),
		option.Of("AuditEvery", &o.AuditEvery, 5*time.Second),
		option.Of("SnapshotEvery", &o.SnapshotEvery, 2*time.Minute),
	)
}
