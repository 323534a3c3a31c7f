package events

import (
	"log/slog"
	"time"

	"github.com/revocast/revocast/internal/option"
)

// Options are the settings of a [Bus]. The zero value works.
type Options struct {
	// PublishTimeout is how long a publication waits for JetStream's answer before
	// its done is called with an error. Default 3 s, at least 10 ms.
	PublishTimeout time.Duration

	// MaxPending is how many publications may be unanswered at a time. Beyond it
	// Publish fails at once. Default 65,536.
	MaxPending int

	// TailBuffer is how many messages each Tail and each Acks holds for a callback
	// that is slower than the network. Beyond it messages are lost, and Suspect says
	// so. Default 65,536; eight bytes each, and the messages themselves while they wait.
	TailBuffer int

	// RequestTimeout bounds each JetStream request, in addition to the caller's context, and each
	// round trip that confirms a subscription. Default 2 s.
	RequestTimeout time.Duration

	// ReplayPatience is how long Replay goes on without a new message, through
	// reconnects and lost consumers, before it fails. Default 15 s.
	ReplayPatience time.Duration

	// Domain is the JetStream domain, where the server is a leaf node of one.
	// Default: none.
	Domain string

	// AcksReady is called each time the subscription of an Acks is in force at the
	// server, on the goroutine of that Acks. Default: nobody is told.
	AcksReady func()

	// AcksLost is called when the subscription of an Acks is not in force any more, and every few
	// seconds while it is not, with the reason. Default: no call.
	AcksLost func(error)

	// Logger receives what an operator should see. Default [slog.Default].
	Logger *slog.Logger
}

const (
	defaultPublishTimeout = 3 * time.Second
	defaultRequestTimeout = 2 * time.Second
	defaultPatience       = 15 * time.Second
	defaultMaxPending     = 1 << 16
	defaultTailBuffer     = 1 << 16
	shortestTimeout       = 10 * time.Millisecond
)

// withDefaults fills in the defaults and refuses invalid values.
func (o Options) withDefaults() (Options, error) {
	if err := option.Complete("events.Options",
		option.Of("PublishTimeout", &o.PublishTimeout, defaultPublishTimeout).AtLeast(shortestTimeout),
		option.Of("RequestTimeout", &o.RequestTimeout, defaultRequestTimeout).AtLeast(shortestTimeout),
		option.Of("ReplayPatience", &o.ReplayPatience, defaultPatience).AtLeast(shortestTimeout),
		option.Of("MaxPending", &o.MaxPending, defaultMaxPending),
		option.Of("TailBuffer", &o.TailBuffer, defaultTailBuffer),
	); err != nil {
		return Options{}, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}
