package events_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// savedParts saves a snapshot of ten states and returns the messages that it consists of.
func savedParts(t *testing.T, nc *nats.Conn, b *events.Bus, rev uint64) (at revocast.Position, chunk, head *nats.Msg) {
	t.Helper()
	at = revocast.Position{Epoch: 1, Rev: rev}
	sub, err := nc.SubscribeSync("rv." + b.Realm() + ".snap.>")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := b.SaveSnapshot(limited(t), at, eventstest.States(10)); err != nil {
		t.Fatal(err)
	}
	for _, into := range []**nats.Msg{&chunk, &head} {
		m, err := sub.NextMsgWithContext(limited(t))
		if err != nil {
			t.Fatal(err)
		}
		*into = &nats.Msg{Subject: m.Subject, Data: m.Data}
	}
	return at, chunk, head
}

// TestHostileSnapshot: who may write to the snapshots' subjects can take them away, and
// can make nobody load anything that was not saved.
func TestHostileSnapshot(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	other := prepared(t, nc, "other", events.Options{})
	js := mustJetStream(t, nc)
	const head = "rv.r.snap.head"
	_, oldChunk, oldHead := savedParts(t, nc, bus, 1)
	_, foreignChunk, foreignHead := savedParts(t, nc, other, 1)
	forged := bytes.Clone(oldChunk.Data)
	forged[len(forged)-5] ^= 1 // in the last state
	forged = binary.BigEndian.AppendUint32(forged[:len(forged)-4],
		crc32.Checksum(forged[:len(forged)-4], crc32.MakeTable(crc32.Castagnoli)))
	put := func(messages ...[2]string) {
		t.Helper()
		for _, m := range messages {
			if _, err := js.Publish(limited(t), m[0], []byte(m[1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name     string
		messages [][2]string
	}{
		{"garbage", [][2]string{{head, "garbage"}}},
		{"a closing of another realm", [][2]string{{head, string(foreignHead.Data)}}},
		{"an old closing whose chunk is gone", [][2]string{{head, string(oldHead.Data)}}},
		{"a chunk of another realm", [][2]string{
			{oldChunk.Subject, string(foreignChunk.Data)}, {head, string(oldHead.Data)},
		}},
		{"nonsense for a chunk", [][2]string{{oldChunk.Subject, "nonsense"}, {head, string(oldHead.Data)}}},
	} {
		for rev := range uint64(2) { // the first one has to leave its slot
			at, _, _ := savedParts(t, nc, bus, 2+rev)
			eventstest.Holds(t, bus, at, 10)
		}
		put(test.messages...)
		states := 0
		_, err := bus.LoadSnapshot(limited(t), func(port.KeyedState) error { states++; return nil })
		if !errors.Is(err, revocast.ErrNotFound) || states > 0 {
			t.Errorf("%s: %d states, %v; want none and ErrNotFound", test.name, states, err)
		}
	}
	put([2]string{oldChunk.Subject, string(forged)}, [2]string{head, string(oldHead.Data)})
	if _, _, err := eventstest.Load(t, bus); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("a chunk that was altered, its own checksum too: %v, want ErrNotFound", err)
	}
	// A repetition of the very messages that were saved is the snapshot that was saved.
	put([2]string{oldChunk.Subject, string(oldChunk.Data)}, [2]string{head, string(oldHead.Data)})
	eventstest.Holds(t, bus, revocast.Position{Epoch: 1, Rev: 1}, 10)
	// Six loads, and two saves that found a closing which cannot be read.
	if s := bus.Snapshots(); s.Broken != 8 || s.Saved != 11 || s.Failed != 0 || s.Loaded != 11 {
		t.Errorf("counted %+v", s)
	}
}

// TestSnapshotReplacedWhileRead: a reader whose snapshot is gone begins again with the newer one.
func TestSnapshotReplacedWhileRead(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	const many = 30_000 // more chunks than are asked for ahead
	save := func(rev, n uint64) {
		t.Helper()
		at := revocast.Position{Epoch: 1, Rev: rev}
		if err := bus.SaveSnapshot(limited(t), at, eventstest.States(n)); err != nil {
			t.Fatal(err)
		}
	}
	save(1, many)
	states := 0
	at, err := bus.LoadSnapshot(limited(t), func(port.KeyedState) error {
		if states++; states == 1 {
			save(2, 10) // into the other slot: nothing is lost yet
			save(3, 20)
		}
		return nil
	})
	if err != nil || at != (revocast.Position{Epoch: 1, Rev: 3}) || states < 20 || states >= many {
		t.Errorf("loaded %d states as of %s, %v; want a part of the first snapshot, then the third", states, at, err)
	}
	rev := uint64(4)
	save(rev, many)
	_, err = bus.LoadSnapshot(limited(t), func(k port.KeyedState) error {
		if k.Key == eventstest.State(1).Key { // the first one of each
			for range 2 {
				rev++
				save(rev, many)
			}
		}
		return nil
	})
	if !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("a writer that is always faster: %v after %d saves, want ErrNotFound", err, rev)
	}
}
