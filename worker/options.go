package worker

import "github.com/revocast/revocast/port"

// Options are the settings of a worker as a whole, as package realm makes one; the zero value
// works.
type Options struct {
	SubscriberOptions

	Guard GuardOptions
	View  port.View // where its memory is. Default: a cache.Cache of the default size
}
