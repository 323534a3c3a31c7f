package scsstore

import (
	"context"

	"github.com/revocast/revocast/internal/script"
)

const page = 500 // sessions read at a time, so that Redis is not held up

// All is AllCtx without a context.
func (s *Store) All() (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
	defer cancel()
	return s.AllCtx(ctx)
}

// AllCtx implements [scs.IterableCtxStore]. Tokens are not stored, so the keys are handles:
// scs can change and destroy a session by one, but nobody can be logged in with it. It
// reads 500 at a time, and a session that is changed meanwhile may be missed.
func (s *Store) AllCtx(ctx context.Context) (map[string][]byte, error) {
	all := map[string][]byte{}
	score, skip := "0", 0
	for {
		_, r, err := s.run(ctx, allScript, score, skip, page)
		if err != nil {
			return nil, err
		}
		got := r.Len() - 1
		for r.More() {
			entry := r.Sub()
			hash, at, data := entry.Text(), entry.Text(), entry.Text()
			if at != score {
				score, skip = at, 0
			}
			skip++
			if data != "" {
				all[handle+hash] = []byte(data)
			}
			r.Err = firstError(r, entry)
		}
		if r.Err != nil || got < page {
			return all, r.Err
		}
	}
}

func firstError(r, inner *script.Reader) error {
	if r.Err != nil {
		return r.Err
	}
	return inner.Err
}
