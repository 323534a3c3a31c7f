package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

// Warning is something about the server that an operator should know and that does
// not stop the ledger. Its text holds the command that mends it, if one does.
type Warning string

// MinFence is the shortest fence for a server with replicas. They acknowledge once a second, and
// the ledger asks and looks a few times a second: even in the best case it may be some 1.7 s since
// it last knew of a replica that follows.
const MinFence = 3 * time.Second

const oldestMajor = 7 // Redis 7.0 brought the shebang that lets a cut-off primary refuse a script

// Preflight asks the server that holds the ledger how it is configured, and refuses
// with [revocast.ErrUnsuited] one that may forget revocations: older than 7.0, with
// an eviction policy, without persistence, with an append-only file that its default user
// has not the rights to replay at the next restart, or with replicas and without
// min-replicas-to-write. Every refusal says how to mend it. With
// [Options.AllowUnsuited] refusals become warnings. A server that cannot be reached
// or does not let us in is [revocast.ErrUnavailable]; one that hides INFO is both.
//
// Call it at start, and again whenever [port.Description.Server] is another one than
// before: a restarted or promoted server has settings of its own. It changes nothing and
// takes five round trips at most.
func (l *Ledger) Preflight(ctx context.Context) ([]Warning, error) {
	c, err := l.primary(ctx)
	if err != nil {
		return nil, err
	}
	f := &findings{}
	info, err := l.info(ctx, c)
	if err != nil {
		return nil, err
	}
	if info != nil {
		l.inspect(ctx, c, info, f)
		return f.result(l.opts.AllowUnsuited)
	}
	f.refuse("INFO is hidden, and no ledger works without: grant the user +info")
	warnings, err := f.result(l.opts.AllowUnsuited)
	if err != nil { // a missing right says nothing about what the server forgets
		err = fmt.Errorf("%w: %w", revocast.ErrUnavailable, err)
	}
	return warnings, err
}

// findings collects what is wrong and what is merely worth knowing.
type findings struct {
	refusals []string
	warnings []Warning
}

func (f *findings) refuse(format string, args ...any) {
	f.refusals = append(f.refusals, fmt.Sprintf(format, args...))
}

func (f *findings) warn(format string, args ...any) {
	f.warnings = append(f.warnings, Warning(fmt.Sprintf(format, args...)))
}

func (f *findings) result(allow bool) ([]Warning, error) {
	if len(f.refusals) == 0 {
		return f.warnings, nil
	}
	if !allow {
		return f.warnings, fmt.Errorf("%w: redis: %s", revocast.ErrUnsuited, strings.Join(f.refusals, "; "))
	}
	for _, r := range f.refusals {
		f.warnings = append(f.warnings, Warning(r))
	}
	return f.warnings, nil
}

// primary is the server that holds the realm's slot.
func (l *Ledger) primary(ctx context.Context) (redis.UniversalClient, error) {
	cluster, ok := l.main.(*redis.ClusterClient)
	if !ok {
		return l.main, nil
	}
	c, err := cluster.MasterForKey(ctx, l.keys[0])
	if err != nil {
		return nil, unreachable(err)
	}
	return c, nil
}

var preflightStep = &script.Script{Name: "preflight"}

func unreachable(err error) error {
	if final := preflightStep.Answered(err); final != nil {
		return final
	}
	return preflightStep.Lost(err, false)
}

// info returns INFO's fields, nil if the server keeps them to itself.
func (l *Ledger) info(ctx context.Context, c redis.UniversalClient) (map[string]string, error) {
	// All sections in one call: to name several came with 7.0.
	text, err := c.Info(ctx).Result()
	if hidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unreachable(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			fields[name] = value
		}
	}
	return fields, nil
}

// hidden reports whether the server answered that it will not tell.
func hidden(err error) bool {
	return redis.HasErrorPrefix(err, "NOPERM") || redis.HasErrorPrefix(err, "ERR unknown command")
}

func (l *Ledger) inspect(ctx context.Context, c redis.UniversalClient, info map[string]string, f *findings) {
	l.inspectVersion(info, f)
	l.inspectPolicy(info, f)
	l.inspectPersistence(ctx, c, info, f)
	l.inspectReplay(ctx, c, info, f)
	l.inspectReplicas(ctx, c, info, f)
}

func (l *Ledger) inspectVersion(info map[string]string, f *findings) {
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestMajor {
		f.refuse("version %q is too old: install Redis 7.0 or later", version)
	}
	if info["role"] != "master" {
		f.refuse("this server is a replica (role %q): name the primary in the URL, or the Sentinels with ?master_name=",
			info["role"])
	}
}

func (l *Ledger) inspectPolicy(info map[string]string, f *findings) {
	// Without maxmemory nothing is evicted today; somebody sets it tomorrow.
	if p := info["maxmemory_policy"]; p != "noeviction" {
		f.refuse("maxmemory-policy %s drops revocations when memory runs out: CONFIG SET maxmemory-policy noeviction",
			orHidden(p))
	}
}

func (l *Ledger) inspectPersistence(ctx context.Context, c redis.UniversalClient, info map[string]string, f *findings) {
	if info["aof_enabled"] == "1" {
		return
	}
	save, known := config(ctx, c, "save")
	switch {
	case !known && l.opts.Class != "": // publishers look, and a worker's user may not
	case !known:
		f.refuse("neither an append-only file nor snapshots can be seen: CONFIG SET appendonly yes, or grant " +
			"+config|get")
	case save == "":
		f.refuse("nothing is written to disk, a restart forgets every revocation: CONFIG SET appendonly yes")
	default:
		f.warn("only snapshots are written to disk (save %s): a restart loses what came after the last one until "+
			"JetStream refills it; CONFIG SET appendonly yes", save)
	}
}

func (l *Ledger) inspectReplicas(ctx context.Context, c redis.UniversalClient, info map[string]string, f *findings) {
	n, err := strconv.Atoi(info["connected_slaves"])
	if err == nil && n == 0 {
		l.inspectAlone(ctx, f)
		return
	}
	// The field is there only where both min-replicas settings are above zero.
	if _, guarded := info["min_slaves_good_slaves"]; !guarded {
		f.refuse("a primary that is cut off from its replicas goes on accepting: CONFIG SET min-replicas-to-write " +
			"1, and CONFIG SET min-replicas-max-lag 1")
		return
	}
	settings, _ := c.ConfigGet(ctx, "min-replicas-*").Result() // hidden: nil
	l.inspectFence(ctx, settings, f)
	if least, err := strconv.Atoi(settings["min-replicas-to-write"]); err == nil && least < n {
		f.warn("%d of %d replicas are enough for the primary to go on: cut off together with them it accepts while "+
			"another one is promoted; CONFIG SET min-replicas-to-write %d", least, n, n)
	}
}

// inspectAlone: the scripts refuse to run under a fence without a replica that follows.
func (l *Ledger) inspectAlone(ctx context.Context, f *findings) {
	if d, err := l.Describe(ctx); err == nil && d.Terms.Fence > 0 {
		f.warn("the ledger's terms have a fence of %s and no replica is connected: nothing is answered until one "+
			"follows; a server without replicas needs a fence of 0", d.Terms.Fence)
	}
}

// inspectFence compares how long a cut-off primary goes on with how long recovery
// waits for it to stop.
func (l *Ledger) inspectFence(ctx context.Context, settings map[string]string, f *findings) {
	d, err := l.Describe(ctx)
	if err != nil || d.State == port.LedgerUninitialised {
		return
	}
	seconds, err := strconv.Atoi(settings["min-replicas-max-lag"])
	switch {
	case d.Terms.Fence == 0:
		f.refuse("the server has replicas and the ledger's terms say that it has none (fence 0): set a fence of 5s: " +
			"publisher terms --fence 5s")
	case d.Terms.Fence < MinFence:
		f.refuse("the ledger's fence is %s, replicas acknowledge once a second: set a fence of at least %s",
			d.Terms.Fence, MinFence)
	case err == nil && time.Duration(seconds)*time.Second >= d.Terms.Fence:
		f.refuse("a cut-off primary goes on for more than min-replicas-max-lag %d s, the ledger's fence is %s: "+
			"CONFIG SET min-replicas-max-lag 1", seconds, d.Terms.Fence)
	}
}

func config(ctx context.Context, c redis.UniversalClient, name string) (value string, known bool) {
	m, err := c.ConfigGet(ctx, name).Result()
	if err != nil {
		return "", false
	}
	value, known = m[name]
	return value, known
}

func orHidden(s string) string {
	if s == "" {
		return "(hidden)"
	}
	return s
}
