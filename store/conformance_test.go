package store_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// conformOptions are the options that storetest.Run asks for.
func conformOptions() store.Options {
	return store.Options{LogMaxLen: storetest.LogKeep, LogMaxAge: time.Hour}
}

func newLedger(t testing.TB, rdb redis.UniversalClient, o store.Options) *store.Ledger {
	t.Helper()
	return ledgerOf(t, rand.Text(), rdb, o)
}

func ledgerOf(t testing.TB, realm string, rdb redis.UniversalClient, o store.Options) *store.Ledger {
	t.Helper()
	l, err := store.New(rdb, realm, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func cutLog(t *testing.T, rdb redis.UniversalClient, realm string) func(int) {
	return func(keep int) {
		t.Helper()
		ctx, log := within(t, 10*time.Second), "{rv:"+realm+"}:log"
		if keep < 0 {
			must(t, rdb.Del(ctx, log).Err())
			return
		}
		must(t, rdb.XTrimMaxLen(ctx, log, int64(keep)).Err())
	}
}

func vanish(t *testing.T, rdb redis.UniversalClient, realm string) func(revocast.Key) {
	return func(key revocast.Key) {
		t.Helper()
		if n, err := rdb.Del(within(t, 10*time.Second),
			fmt.Sprintf("{rv:%s}:s:%x", realm, key[:])).Result(); err != nil || n != 1 {
			t.Fatalf("deleted %d states, %v", n, err)
		}
	}
}

func TestLedgerOnRedis(t *testing.T) {
	server := storetest.Redis(t, "--appendfsync", "everysec")
	rdb := server.Client()
	storetest.Run(t, func(t *testing.T) storetest.Env {
		realm := rand.Text()
		l := ledgerOf(t, realm, rdb, conformOptions())
		return storetest.Env{
			Ledger: l, Replace: server.Replace, Empty: server.FlushAll, CutLog: cutLog(t, rdb, realm),
			Vanish: vanish(t, rdb, realm),
		}
	})
}

func TestLedgerOnEmbeddedRedis(t *testing.T) {
	server := storetest.Embedded(t)
	rdb := server.Client()
	storetest.Run(t, func(t *testing.T) storetest.Env {
		realm := rand.Text()
		l := ledgerOf(t, realm, rdb, conformOptions())
		return storetest.Env{
			Ledger: l, Replace: server.Replace, Empty: server.FlushAll, CutLog: cutLog(t, rdb, realm),
			Vanish: vanish(t, rdb, realm),
		}
	})
}
