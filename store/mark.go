package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// maxHolder is the longest name of a turn's holder, in bytes.
const maxHolder = 256

// Mark implements [port.Ledger]. Witnesses are in a list beside the meta hash, at most 520 of them.
// Their age is the ledger's time less the time by the stream's clock.
func (l *Ledger) Mark(ctx context.Context, was port.StreamPoint, mark port.StreamMark) error {
	if err := checkPoint(mark.Point); err != nil {
		return err
	}
	if err := checkPoint(mark.Begin); err != nil {
		return err
	}
	if mark.Point.Created == 0 {
		return fmt.Errorf("%w: a mark needs a stream", revocast.ErrInvalid)
	}
	if mark.From > mark.Point.Sequence {
		return fmt.Errorf("%w: reading on from %d, beyond the mark at %d", revocast.ErrInvalid, mark.From,
			mark.Point.Sequence)
	}
	if mark.Complete.Epoch > uint64(revocast.Forever) || mark.Complete.Rev > uint64(revocast.Forever) {
		return fmt.Errorf("%w: complete up to %s", revocast.ErrInvalid, mark.Complete)
	}
	args := append([]any{was.Created, was.Sequence}, pointArgs(mark.Point)...)
	args = append(args, mark.Complete.Epoch, mark.Complete.Rev, streamExtra(), digit(mark.Afresh), mark.From)
	args = append(append(args, pointArgs(mark.Begin)...), mark.Missing)
	_, err := l.run(ctx, l.main, markScript, args...)
	return err
}

// Turn implements [port.Ledger]. A holder that has the turn already gets it for d
// from now on. The task is 1 to 64 of A-Z a-z 0-9 _ . - and d at least a millisecond.
func (l *Ledger) Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error) {
	switch {
	case !memberPattern.MatchString(task):
		return false, fmt.Errorf("%w: task %.80q", revocast.ErrInvalid, task)
	case holder == "" || len(holder) > maxHolder:
		return false, fmt.Errorf("%w: holder %.80q: want 1 to %d bytes", revocast.ErrInvalid, holder, maxHolder)
	case d < time.Millisecond:
		return false, fmt.Errorf("%w: a turn of %s", revocast.ErrInvalid, d)
	}
	reply, err := l.run(ctx, l.main, turnScript, task, holder, d.Milliseconds())
	if err != nil {
		return false, err
	}
	return reply == int64(1), nil
}

func checkPoint(p port.StreamPoint) error {
	if p.Created < 0 || !inRange(p.Stored) || p.Event.Epoch > uint64(revocast.Forever) ||
		p.Event.Rev > uint64(revocast.Forever) {
		return fmt.Errorf("%w: stream point %+v", revocast.ErrInvalid, p)
	}
	return nil
}

func pointArgs(p port.StreamPoint) []any {
	return []any{p.Created, p.Sequence, p.Event.Epoch, p.Event.Rev, p.Stored}
}

// streamExtra is how long the stream keeps an event beyond the longest lifetime that the
// terms know, in milliseconds. The scripts know the terms and add it.
func streamExtra() int64 { return port.Terms{}.StreamOptions().MaxAge }

func (r reader) point() port.StreamPoint {
	return port.StreamPoint{Created: r.Int(), Sequence: r.Uint(), Event: r.position(), Stored: r.Int()}
}

// parseWitness reads the oldest witness as stream.lua writes it. A witness that the stream may have
// dropped by now does not count: nobody has set a mark for long, or the terms have changed.
func parseWitness(text string, d port.Description) (port.StreamPoint, error) {
	if text == "" {
		return port.StreamPoint{}, nil
	}
	var numbers [5]uint64
	fields := strings.Fields(text)
	if len(fields) != len(numbers) {
		return port.StreamPoint{}, fmt.Errorf("%w: witness %.80q", errReply, text)
	}
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil || i > 2 && n > uint64(revocast.Forever)*2 {
			return port.StreamPoint{}, fmt.Errorf("%w: witness %.80q", errReply, text)
		}
		numbers[i] = n
	}
	w := port.StreamPoint{
		Created: d.Mark.Point.Created, Sequence: numbers[0],
		Event: revocast.Position{Epoch: numbers[1], Rev: numbers[2]}, Stored: int64(numbers[3]),
	}
	if d.Now > int64(numbers[4]) || d.Now > w.Stored+d.Terms.StreamOptions().MaxAge {
		return port.StreamPoint{}, nil
	}
	return w, nil
}

// digit is how a script reads a truth.
func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
