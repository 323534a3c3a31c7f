package denylist

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
)

// details are what the list keeps of an entry. Times are Unix milliseconds.
type details struct {
	ID        string `json:"t"`
	Issuer    string `json:"i,omitempty"`
	Principal string `json:"p,omitempty"`
	Expires   int64  `json:"e"`
	Stands    int64  `json:"s"` // until when the entry does
	Reason    string `json:"r,omitempty"`
	Initiator string `json:"w,omitempty"`
}

// Entry is a denied token.
type Entry struct {
	ID        string
	Issuer    string // empty: the ledger's default issuer
	Principal string // as it was given
	Expires   time.Time
	Until     time.Time // when the entry goes
	Cause     revocast.Cause
}

// Page is the answer to [List.Page].
type Page struct {
	Entries []Entry
	Next    string // continues after them; empty where there are no more
}

// Page returns denied tokens, in the order in which they end, up to limit (1 to [MaxTokens]). after
// is empty for the first page, and the Next of a page for the one that follows.
func (l *List) Page(ctx context.Context, after string, limit int) (Page, error) {
	if limit < 1 || limit > MaxTokens {
		return Page{}, fmt.Errorf("%w: limit %d, want 1 to %d", revocast.ErrInvalid, limit, MaxTokens)
	}
	reply, err := l.db.Run(ctx, pageScript, after, limit)
	if err != nil {
		return Page{}, err
	}
	r, page := script.Read(reply), Page{}
	for r.More() {
		member := r.Text()
		var d details
		if err := json.Unmarshal([]byte(r.Text()), &d); err != nil {
			return Page{}, fmt.Errorf("%w: entry %q: %w", script.ErrReply, member, err)
		}
		page.Entries, page.Next = append(page.Entries, d.entry()), member
	}
	if len(page.Entries) < limit {
		page.Next = ""
	}
	return page, r.Err
}

func (d details) entry() Entry {
	return Entry{
		ID: d.ID, Issuer: d.Issuer, Principal: d.Principal,
		Expires: time.UnixMilli(d.Expires).UTC(), Until: time.UnixMilli(d.Stands).UTC(),
		Cause: revocast.Cause{Reason: d.Reason, Initiator: d.Initiator},
	}
}
