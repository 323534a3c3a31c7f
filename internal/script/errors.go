package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
)

// codes maps the first word of an error reply to what the caller gets. Those that
// start with RV are our scripts' own; the rest are Redis' and mean that the script
// was not run.
var codes = [...]struct {
	prefix   string
	sentinel error
	text     string // in place of Redis' own
}{
	{"RVUNINITIALISED", revocast.ErrUninitialised, ""},
	{"RVRECOVERING", revocast.ErrRecovering, ""},
	{"RVFENCED", revocast.ErrFenced, ""},
	{"RVEPOCH", revocast.ErrEpoch, ""},
	{"RVTRIMMED", revocast.ErrTrimmed, ""},
	{"RVNAMES", revocast.ErrNames, ""},
	{"RVCONFLICT", revocast.ErrConflict, ""},
	{"RVINVALID", revocast.ErrInvalid, ""},
	{"RVUNSUITED", revocast.ErrUnsuited, ""},
	{"RVCUTOFF", revocast.ErrUnavailable, ""},
	{"RVCLASS", revocast.ErrUnavailable, ""},
	{"RVCLOCKS", revocast.ErrUnavailable, ""},
	{"WRONGPASS", revocast.ErrUnavailable, "the user name or password is wrong"},
	{"NOAUTH", revocast.ErrUnavailable, "the server wants a password and the URL has none"},
	{
		"ERR Protocol error: unauthenticated", revocast.ErrUnavailable,
		"the server wants a password and the URL has none",
	},
	{"ERR AUTH", revocast.ErrUnavailable, "the URL has a password and the server wants none"},
	{
		"NOSCRIPT", revocast.ErrUnavailable,
		"the server does not know this script, and this user may not load it: a publisher of this version does",
	},
	{"NOPERM", revocast.ErrUnavailable, ""},
	{"NOREPLICAS", revocast.ErrUnavailable, "the primary is cut off from its replicas"},
	{"READONLY", revocast.ErrUnavailable, "this server is a replica"},
	{"MASTERDOWN", revocast.ErrUnavailable, "this server is a replica"},
	{"LOADING", revocast.ErrUnavailable, "the server is loading its data"},
	{"BUSY", revocast.ErrUnavailable, "the server is busy with somebody's script"},
	{"MISCONF", revocast.ErrUnavailable, ""},
	{"OOM", revocast.ErrUnavailable, "the server is out of memory (maxmemory)"},
	{"CLUSTERDOWN", revocast.ErrUnavailable, ""},
	{"TRYAGAIN", revocast.ErrUnavailable, ""},
	{"MOVED", revocast.ErrUnavailable, "this is a Redis Cluster: name several of its nodes in the URL"},
	{"ASK", revocast.ErrUnavailable, ""},
	{"ERR max number of clients", revocast.ErrUnavailable, ""},
}

// Answered returns the final error if err is a reply of the server, nil if there
// was no reply.
func (s *Script) Answered(err error) error {
	var reply redis.Error
	if !errors.As(err, &reply) || isNetwork(err) {
		return nil
	}
	return s.Refused(reply.Error())
}

// Refused is the error for a text that the server, or a script in its answer, gives as the reason.
func (s *Script) Refused(text string) error {
	for _, c := range codes {
		rest, found := strings.CutPrefix(text, c.prefix)
		if !found {
			continue
		}
		if strings.HasPrefix(c.prefix, "RV") {
			return fmt.Errorf("%w: redis: %s: %s", c.sentinel, s.Name, strings.TrimSpace(rest))
		}
		if c.text != "" {
			text = c.text + " (" + text + ")"
		}
		return fmt.Errorf("%w: redis: %s: %s", c.sentinel, s.Name, text)
	}
	// A script that failed half-way keeps what it wrote.
	return s.Lost(errors.New(text), true)
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrClosed)
}
