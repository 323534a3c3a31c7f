package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// MendReplay is the command that lets the append-only file be replayed. Nobody can log in as a user
// that is off, so only the replay can use its rights.
const MendReplay = "ACL SETUSER default off ~* &* +@all"

// replayed are the commands, with arguments that make them well formed, that the scripts
// of this package and of those below it leave in the append-only file. $ is the realm's
// prefix. Expiry is rewritten to PEXPIREAT, and what expires on the way is deleted.
var replayed = strings.Split(strings.TrimSpace(`
DEL $meta $log $acked $witnesses $s:0 $i:0 $turn:t $a:owed
HDEL $meta f
HDEL $m:default f
HINCRBY $meta f 1
HSET $meta f v
HSET $m:default f v
HSET $l:default f v
LPOP $witnesses
PERSIST $s:0
PEXPIREAT $s:0 1
RENAME $s:0 $s:1
RPOP $witnesses
RPUSH $witnesses v
SADD $acked v
SET $i:0 v PXAT 1
SREM $acked v
UNLINK $s:0
UNLINK $m:default $l:default
XADD $log 1-1 f v
XTRIM $log MINID 1-1
ZADD $a:due 1 v
ZREM $a:due v
ZREMRANGEBYRANK $a:due 0 0
ZREMRANGEBYSCORE $a:due 0 0
`), "\n")

// inspectReplay refuses a server that would drop scripts' writes when it is restarted. Redis
// replays its append-only file as the default user, and runs what a script wrote in several
// commands as a transaction, and checks each of its commands against that user's rights
// (redis/redis#14541). ACL DRYRUN tells whether they suffice, and reveals no secret: ACL GETUSER
// would also reveal the hashes of everybody's passwords.
func (l *Ledger) inspectReplay(ctx context.Context, c redis.UniversalClient, info map[string]string, f *findings) {
	if info["aof_enabled"] != "1" {
		return // a snapshot is loaded without regard to rights
	}
	denied, err := l.deniedToReplay(ctx, c)
	switch {
	case denied != "":
		f.refuse("a restart would lose what it replays from its append-only file as the user default, who %s: %s, "+
			"and the same in redis.conf or the ACL file, "+
			"`user default off ~* &* +@all`", denied, MendReplay)
	case err != nil && l.opts.Class == "":
		f.warn("it cannot be seen whether a restart loses the append-only file, which is replayed with the rights "+
			"of the user default: grant +acl|dryrun to this user, "+
			"or see that ACL GETUSER default shows ~* and +@all; if not, %s (%v)", MendReplay, err)
	}
}

// deniedToReplay says what the default user may not do; empty: it may do everything. The error says
// why that is not known.
func (l *Ledger) deniedToReplay(ctx context.Context, c redis.UniversalClient) (string, error) {
	prefix := strings.TrimSuffix(l.keys[0], "meta")
	pipe := c.Pipeline()
	answers := make([]*redis.Cmd, len(replayed))
	for i, line := range replayed {
		args := []any{"ACL", "DRYRUN", "default"}
		for _, word := range strings.Fields(line) {
			args = append(args, strings.Replace(word, "$", prefix, 1))
		}
		answers[i] = pipe.Do(ctx, args...)
	}
	_, err := pipe.Exec(ctx)
	for i, a := range answers {
		text, failed := a.Text()
		if failed == nil && text != "OK" {
			name, _, _ := strings.Cut(replayed[i], " ")
			return fmt.Sprintf("may not run %s on this realm's keys", name), nil
		}
	}
	return "", err
}
