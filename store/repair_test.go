package store_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// history is a ledger, the stream that is fed from it, and all that was ever revoked. The
// stream loses its end now and then, never what was before the mark.
type history struct {
	*property.T
	ctx     context.Context
	server  *storetest.Server
	l       *store.Ledger
	stream  []revocast.Event
	revoked int
}

// TestNothingIsLostBehindTheMark: whatever was revoked is in the stream, or in the log
// after the point up to which the stream is known to be whole, so that it can be noticed
// and repaired; with commits, acknowledgements, marks, lost ends of the stream, other
// servers, openings that are interrupted and reopenings in any order.
func TestNothingIsLostBehindTheMark(t *testing.T) {
	server := storetest.Redis(t, "--appendfsync", "no")
	rdb := server.Client()
	property.Check(t, func(rt *property.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		l, err := store.New(rdb, rand.Text(), store.Options{LogMaxLen: 2})
		h := &history{T: rt, ctx: ctx, server: server, l: l}
		h.must(err)
		h.must(l.Begin(ctx, 1, storetest.Terms()))
		h.open()
		rt.Repeat(map[string]func(*property.T){
			"":        func(*property.T) { h.check() },
			"commit":  h.commit,
			"publish": h.publish,
			"mark":    func(*property.T) { h.mark() },
			"lose": func(rt *property.T) {
				h.stream = h.stream[:property.IntRange(int(h.describe().Mark.Point.Sequence), len(h.stream)).Draw(rt,
					"left")]
			},
			"replace": func(rt *property.T) {
				h.server.Replace()
				h.recover(rt)
			},
			"reopen": func(rt *property.T) {
				h.must(h.l.Reopen(h.ctx, h.describe().Position.Epoch+2, "x"))
				h.recover(rt)
			},
		})
	})
}

func (h *history) must(err error) {
	if err != nil {
		h.Fatal(err)
	}
}

func (h *history) describe() port.Description {
	d, err := h.l.Describe(h.ctx)
	h.must(err)
	return d
}

func (h *history) end() port.StreamPoint {
	return port.StreamPoint{Created: 1, Sequence: uint64(len(h.stream)), Stored: time.Now().UnixMilli()}
}

func (h *history) commit(rt *property.T) {
	n := property.IntRange(1, 6).Draw(rt, "revocations")
	_, err := h.l.Commit(h.ctx, "", numberedProposals(h.revoked, h.revoked+n))
	h.must(err)
	h.revoked += n
}

// publish stores some of what is not durable, and tells the ledger.
func (h *history) publish(rt *property.T) {
	d := h.describe()
	events, err := h.l.Log(h.ctx, d.Durable, 100)
	h.must(err)
	if len(events) == 0 {
		return
	}
	var revs []uint64
	for _, e := range property.SliceOfN(property.SampledFrom(events), 1, 8).Draw(rt, "published") {
		h.stream = append(h.stream, e)
		revs = append(revs, e.Position.Rev)
	}
	_, err = h.l.Acked(h.ctx, d.Position.Epoch, revs)
	h.must(err)
}

// mark does as an auditor: reads on from the mark, and sets it where nothing is missing.
func (h *history) mark() {
	d := h.describe()
	seen := map[uint64]bool{}
	for _, e := range h.stream[d.Mark.Point.Sequence:] {
		if e.Position.Epoch == d.Position.Epoch {
			seen[e.Position.Rev] = true
		}
	}
	complete := d.Mark.Complete
	for seen[complete.Rev+1] {
		complete.Rev++
	}
	if complete.Before(d.Durable) { // lost: here it is published again from the log
		events, err := h.l.Log(h.ctx, complete, 1000)
		h.must(err)
		h.stream = append(h.stream, events...)
		complete = d.Position
	}
	h.must(h.l.Mark(h.ctx, d.Mark.Point, port.StreamMark{Point: h.end(), Complete: complete}))
	_, err := h.l.Acked(h.ctx, d.Position.Epoch, nil) // trims
	h.must(err)
}

// recover takes the ledger to open, now and then by way of another server.
func (h *history) recover(rt *property.T) {
	for property.IntRange(0, 2).Draw(rt, "interrupted") == 0 {
		h.restore()
		for range property.IntRange(0, 3).Draw(rt, "steps") {
			done, err := h.l.OpenStep(h.ctx, openingOf(h.describe(), h.end()), 3)
			h.must(err)
			if done {
				return
			}
		}
		h.server.Replace()
	}
	h.restore()
	h.open()
}

// restore replays the stream from the mark on, or all of it where there is none.
func (h *history) restore() {
	d := h.describe()
	_, err := h.l.Restore(h.ctx, d.Position.Epoch, h.stream[d.Mark.Point.Sequence:])
	h.must(err)
}

func (h *history) open() { h.must(h.l.Open(h.ctx, openingOf(h.describe(), h.end()))) }

func (h *history) check() {
	d := h.describe()
	whole := d.Mark.Complete
	if d.Durable.Before(whole) {
		whole = d.Durable
	}
	events, err := h.l.Log(h.ctx, whole, 10_000)
	h.must(err)
	known := map[revocast.Key]bool{}
	for _, e := range append(events, h.stream...) {
		known[e.Key] = true
	}
	for n := range h.revoked {
		if !known[numbered(n)] {
			h.Errorf("revocation %d is neither in the stream nor in the log after %s; the ledger is at %s, "+
				"trimmed at %s", n, whole, d.Position, d.Trimmed)
		}
	}
}
