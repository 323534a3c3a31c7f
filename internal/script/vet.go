package script

import (
	"fmt"
	"regexp"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
)

var realmPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Prefix is what all keys of a realm begin with: its hash tag, so that they are in one
// slot of a Redis Cluster, and a colon. It fails with [revocast.ErrInvalid].
func Prefix(realm string) (string, error) {
	if !realmPattern.MatchString(realm) {
		return "", fmt.Errorf("%w: realm %q: want 1 to 64 of A-Z a-z 0-9 _ -", revocast.ErrInvalid, realm)
	}
	return "{rv:" + realm + "}:", nil
}

// Vet refuses a client that would break a promise: without ContextTimeoutEnabled a
// call on a frozen server outlives its context by seconds, and a replica knows
// nothing of what is being revoked now.
func Vet(c redis.UniversalClient) error {
	honours, primary := true, true
	switch c := c.(type) {
	case nil:
		return fmt.Errorf("%w: no redis client", revocast.ErrInvalid)
	case *redis.Client:
		honours = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		o := c.Options()
		honours = o.ContextTimeoutEnabled
		primary = !o.ReadOnly && !o.RouteByLatency && !o.RouteRandomly
	}
	if !honours {
		return fmt.Errorf("%w: the redis client must be made with ContextTimeoutEnabled", revocast.ErrInvalid)
	}
	if !primary {
		return fmt.Errorf("%w: the redis client must not read from replicas", revocast.ErrInvalid)
	}
	return nil
}
