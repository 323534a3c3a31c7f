package store_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// conformOptions are those that storetest.Run asks for.
func conformOptions() store.Options {
	return store.Options{LogMaxLen: storetest.LogKeep, LogMaxAge: time.Hour}
}

func newLedger(t testing.TB, rdb redis.UniversalClient, o store.Options) *store.Ledger {
	t.Helper()
	l, err := store.New(rdb, rand.Text(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLedgerOnRedis(t *testing.T) {
	server := storetest.Redis(t, "--appendfsync", "everysec")
	rdb := server.Client()
	storetest.Run(t, func(t *testing.T) storetest.Env {
		return storetest.Env{
			Ledger: newLedger(t, rdb, conformOptions()), Replace: server.Replace, Empty: server.FlushAll,
		}
	})
}

func TestLedgerOnEmbeddedRedis(t *testing.T) {
	server := storetest.Embedded(t)
	rdb := server.Client()
	storetest.Run(t, func(t *testing.T) storetest.Env {
		return storetest.Env{
			Ledger: newLedger(t, rdb, conformOptions()), Replace: server.Replace, Empty: server.FlushAll,
		}
	})
}
