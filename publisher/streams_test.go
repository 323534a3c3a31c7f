package publisher

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestStreamsMakesWhatIsGone(t *testing.T) {
	for _, test := range []struct {
		err  error
		want error
		made bool
	}{{nil, nil, false}, {revocast.ErrNotFound, nil, true}, {revocast.ErrUnavailable, revocast.ErrUnavailable, false}} {
		b := &busFake{info: port.StreamInfo{Created: 7}, infoErr: test.err}
		info, err := partTools(openLedger(1), b, io.Discard).streams.stream(t.Context(), port.DefaultTerms())
		if !errors.Is(err, test.want) || info.Created != 7 || (len(b.taken()) == 1) != test.made {
			t.Errorf("%v: %+v, %v", test.err, info, err)
		}
	}
}

// TestOwn: which record an open ledger may write in the place of the one that was found.
func TestOwn(t *testing.T) {
	long := port.DefaultTerms()
	long.Lease *= 2
	for _, test := range []struct {
		what  string
		set   func(*port.Description, *port.EpochRecord)
		lost  bool
		mine  bool
		after func(port.EpochRecord) bool
	}{
		{
			"its own", func(*port.Description, *port.EpochRecord) {}, false, true,
			func(r port.EpochRecord) bool { return r.Base == 4 && r.Stream == 7 },
		},
		{"its own, of shorter leases", func(d *port.Description, _ *port.EpochRecord) {
			d.Terms = long
		}, false, true, func(r port.EpochRecord) bool { return r.Terms == long }},
		{"another server's", func(_ *port.Description, r *port.EpochRecord) { r.Server = "b" }, false, false, nil},
		{"of a later epoch", func(_ *port.Description, r *port.EpochRecord) { r.Epoch = 4 }, false, false, nil},
		{"of an earlier one", func(_ *port.Description, r *port.EpochRecord) {
			r.Epoch, r.Server = 2, "b"
		}, false, true, func(r port.EpochRecord) bool {
			return r.Epoch == 3 && r.Server == "a" && r.Stream == 7 && r.Base == 4
		}},
		{"of an earlier one and another stream", func(_ *port.Description, r *port.EpochRecord) {
			r.Epoch, r.Stream = 2, 6
		}, false, true, func(r port.EpochRecord) bool {
			return r.Stream == 7 && r.Base == 0
		}},
		{"of an earlier one, and the stream is not known", func(d *port.Description, r *port.EpochRecord) {
			r.Epoch, d.Mark = 2, port.StreamMark{}
		}, false, true, func(r port.EpochRecord) bool { return r.Stream == 7 && r.Base == 4 }},
		{"lost", func(_ *port.Description, r *port.EpochRecord) {
			*r = port.EpochRecord{}
		}, true, true, func(r port.EpochRecord) bool {
			return r.Epoch == 3 && r.Stream == 7
		}},
	} {
		d := openLedger(3).d
		found := recordOf(d)
		found.Base = 4
		test.set(&d, &found)
		r, mine := own(d, found, test.lost)
		if mine != test.mine || mine && !test.after(r) {
			t.Errorf("%s: mine %t, %+v", test.what, mine, r)
		}
	}
}

func TestRecord(t *testing.T) {
	after := uint64(12)
	for _, test := range []struct {
		what  string
		set   func(*ledgerFake, *busFake)
		after *uint64
		err   error
		calls []string
		base  uint64
	}{
		{"nothing has changed", func(*ledgerFake, *busFake) {}, nil, nil, nil, 4},
		{"after a refill", func(*ledgerFake, *busFake) {}, &after, nil, []string{"claim 2 of a after 1"}, 12},
		{"another stream", func(_ *ledgerFake, b *busFake) {
			b.info.Created = 8
		}, nil, nil, []string{"claim 2 of a after 1"}, 0},
		{"it was lost", func(_ *ledgerFake, b *busFake) {
			b.record, b.recordErr = port.EpochRecord{}, revocast.ErrNotFound
		}, nil, nil, []string{"prepare", "claim 2 of a after 0"}, 0},
		{"the bus does not answer", func(_ *ledgerFake, b *busFake) {
			b.recordErr = revocast.ErrUnavailable
		}, nil, revocast.ErrUnavailable, nil, 4},
		{"another server's", func(_ *ledgerFake, b *busFake) { b.record.Server = "b" }, &after, nil, nil, 4},
		{"another was faster", func(_ *ledgerFake, b *busFake) {
			b.claimErr = revocast.ErrConflict
		}, &after, nil, []string{"claim 2 of a after 1"}, 4},
		{"it is refused", func(_ *ledgerFake, b *busFake) {
			b.claimErr = revocast.ErrUnsuited
		}, &after, revocast.ErrUnsuited, []string{"claim 2 of a after 1"}, 4},
	} {
		l, b := wholeStore()
		b.record.Base = 4
		test.set(l, b)
		err := partTools(l, b, io.Discard).streams.record(t.Context(), l.d, b.info, test.after)
		if !errors.Is(err, test.err) || test.err == nil && err != nil || b.record.Base != test.base {
			t.Errorf("%s: %v, %+v", test.what, err, b.record)
		}
		b.want(t, test.calls...)
	}
}

// TestKeepWitnesses: the record names some of the messages that the stream must have.
func TestKeepWitnesses(t *testing.T) {
	terms := port.DefaultTerms()
	keep := terms.Retention().Milliseconds()
	step := keep / port.RecordWitnesses
	const now = int64(1e13)
	d := port.Description{
		Now: now, Terms: terms, Witness: port.StreamPoint{Sequence: 3, Stored: now - 10},
		Mark: port.StreamMark{Point: port.StreamPoint{Created: 7, Sequence: 20, Stored: now}},
	}
	info := port.StreamInfo{Created: 7, Last: 30}
	w := func(sequence uint64, stored int64) port.StreamWitness {
		return port.StreamWitness{Sequence: sequence, Stored: stored}
	}
	for _, test := range []struct {
		what string
		kept []port.StreamWitness
		set  func(*port.EpochRecord, *port.Description, *port.StreamInfo)
		want []port.StreamWitness
		base uint64
	}{
		{
			"the ledger's oldest is the first", nil, func(*port.EpochRecord, *port.Description, *port.StreamInfo) {},
			[]port.StreamWitness{w(3, now-10)},
			2,
		},
		{"of another stream", []port.StreamWitness{w(9, now)}, func(_ *port.EpochRecord, _ *port.Description,
			i *port.StreamInfo,
		) {
			i.Created = 8
		}, []port.StreamWitness{w(9, now)}, 1},
		{"old ones go", []port.StreamWitness{w(4, now-keep), w(5, now-keep+1)}, func(*port.EpochRecord,
			*port.Description, *port.StreamInfo) {
		}, []port.StreamWitness{w(5, now-keep+1), w(20, now)}, 2},
		{"and those before the ledger's", []port.StreamWitness{w(2, now-9), w(3, now-8)}, func(*port.EpochRecord,
			*port.Description, *port.StreamInfo) {
		}, []port.StreamWitness{w(3, now-8)}, 2},
		{"and those behind the end", []port.StreamWitness{w(30, now-9), w(31, now-8)}, func(*port.EpochRecord,
			*port.Description, *port.StreamInfo) {
		}, []port.StreamWitness{w(30, now-9)}, 2},
		{"the mark joins when it is late enough", []port.StreamWitness{w(5, now-step)}, func(*port.EpochRecord,
			*port.Description, *port.StreamInfo) {
		}, []port.StreamWitness{w(5, now-step), w(20, now)}, 2},
		{"not sooner", []port.StreamWitness{w(5, now-step+1)}, func(*port.EpochRecord, *port.Description,
			*port.StreamInfo) {
		}, []port.StreamWitness{w(5, now-step+1)}, 1},
		{"not below the base", []port.StreamWitness{w(5, now-step)}, func(r *port.EpochRecord, _ *port.Description,
			_ *port.StreamInfo,
		) {
			r.Base = 20
		}, []port.StreamWitness{w(5, now-step)}, 20},
		{"holes raise the base", []port.StreamWitness{w(5, now-1)}, func(_ *port.EpochRecord, d *port.Description,
			_ *port.StreamInfo,
		) {
			d.Mark.Missing = 1
		}, []port.StreamWitness{w(5, now-1)}, 2},
	} {
		r, d, info := port.EpochRecord{Base: 1}, d, info
		copy(r.Kept[:], test.kept)
		test.set(&r, &d, &info)
		keepWitnesses(&r, d, info)
		var want [port.RecordWitnesses]port.StreamWitness
		copy(want[:], test.want)
		if r.Kept != want || r.Base != test.base {
			t.Errorf("%s: base %d, kept %v", test.what, r.Base, r.Kept[:4])
		}
	}
	full := port.EpochRecord{}
	for i := range full.Kept {
		full.Kept[i] = w(uint64(i)+3, now-keep+1+int64(i))
	}
	d.Mark.Point.Sequence = 100
	info.Last = 200
	if keepWitnesses(&full, d, info); full.Kept[0].Sequence != 4 || full.Kept[port.RecordWitnesses-1].Sequence != 100 {
		t.Errorf("of too many: %v", full.Kept)
	}
}

func TestWholeStream(t *testing.T) {
	terms := port.DefaultTerms()
	const now = int64(1.7e12)
	since := now - terms.Retention().Milliseconds() + skewSlack.Milliseconds()
	d := port.Description{Now: now, Terms: terms}
	for _, test := range []struct {
		what  string
		set   func(*port.EpochRecord, *port.StreamInfo)
		gone  uint64
		whole bool
	}{
		{"all is there", func(*port.EpochRecord, *port.StreamInfo) {}, 0, true},
		{"nobody wrote down which", func(r *port.EpochRecord, i *port.StreamInfo) { r.Stream, i.Last = 0, 0 }, 1, true},
		{"another stream", func(r *port.EpochRecord, _ *port.StreamInfo) { r.Stream++ }, 0, false},
		{"holes", func(*port.EpochRecord, *port.StreamInfo) {}, 1, false},
		{"it begins at the base", func(_ *port.EpochRecord, i *port.StreamInfo) { i.First = 3 }, 0, true},
		{"its beginning is gone", func(_ *port.EpochRecord, i *port.StreamInfo) { i.First = 4 }, 0, false},
		{"its beginning may have expired", func(r *port.EpochRecord, i *port.StreamInfo) {
			i.First, i.Created = 4, since*int64(time.Millisecond)
			r.Stream = i.Created
		}, 0, true},
		{"its end is gone", func(_ *port.EpochRecord, i *port.StreamInfo) { i.Last = 8 }, 0, false},
		{"a witness is gone", func(r *port.EpochRecord, i *port.StreamInfo) {
			r.Base, i.First = 20, 10
			i.Last = 30
		}, 0, false},
		{"a witness is the first", func(r *port.EpochRecord, i *port.StreamInfo) {
			r.Base, i.First = 20, 9
			i.Last = 30
		}, 0, true},
		{"a witness may have expired", func(r *port.EpochRecord, i *port.StreamInfo) {
			r.Base, i.First, i.Last = 20, 10, 30
			r.Kept[0].Stored = since
		}, 0, true},
	} {
		created := (since + 1) * int64(time.Millisecond)
		r := port.EpochRecord{Stream: created, Base: 2}
		r.Kept[0] = port.StreamWitness{Sequence: 9, Stored: since + 1}
		info := port.StreamInfo{Created: created, First: 1, Last: 9}
		test.set(&r, &info)
		if err := wholeStream(r, d, info, test.gone); (err == nil) != test.whole {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}
