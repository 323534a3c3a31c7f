package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/revocast/revocast/port"
)

// maxReach is how many bytes a member's reach may have. No worker of ours says so much.
const maxReach = 64 << 10

// Members implements [port.Ledger]. They come sorted by id.
func (l *Ledger) Members(ctx context.Context) (port.Membership, error) {
	reply, err := l.run(ctx, l.main, membersScript)
	if err != nil {
		return port.Membership{}, err
	}
	r := read(reply)
	out := port.Membership{Position: r.position(), Now: r.Int(), Generation: r.Text()}
	list := memberList{reaches: make(map[string]*port.Reach, 1)}
	for r.More() {
		class := r.Text()
		fields := r.sub()
		if fields.Len() == 0 || !list.read(class, fields) {
			out.Unlisted = append(out.Unlisted, class)
		}
	}
	out.Members = list.members
	slices.SortFunc(out.Members, func(a, b port.Member) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return out, finish(membersScript, r.Err)
}

// memberList reads the members of one class after the other.
type memberList struct {
	members []port.Member
	reaches map[string]*port.Reach // most workers say the same
}

// read adds the members of a class. It reports whether those are all: the class may have written
// into its hash what no script of ours writes, and that is no reason to read nothing.
func (l *memberList) read(class string, fields reader) bool {
	whole, accepts := true, make(map[string]string)
	begin := len(l.members)
	for fields.More() {
		name, value := fields.Text(), fields.Text()
		kind, id, _ := strings.Cut(name, ":")
		switch kind {
		case "a":
			accepts[id] = value
		case "m":
			m, err := parseMember(class, id, value)
			if err != nil {
				whole = false
				continue
			}
			l.members = append(l.members, m)
		}
	}
	for i := range l.members[begin:] {
		m := &l.members[begin+i]
		m.Reach = l.reachOf(accepts[memberName(m.ID)])
	}
	return whole && fields.Err == nil
}

func (l *memberList) reachOf(said string) *port.Reach {
	if len(said) > maxReach {
		return nil
	}
	reach, known := l.reaches[said]
	if !known {
		reach = readReach(said)
		l.reaches[said] = reach
	}
	return reach
}

// parseMember reads what renew.lua writes of a member.
func parseMember(class, id, text string) (port.Member, error) {
	worker, incarnation, _ := strings.Cut(id, "/")
	m := port.Member{ID: port.MemberID{Class: class, Worker: worker, Incarnation: incarnation}}
	if err := checkMember(m.ID); err != nil {
		return m, err
	}
	part := strings.SplitN(text, " ", 6)
	if len(part) != 6 || len(part[5]) > maxVersion {
		return m, fmt.Errorf("%w: member %.240q", errReply, id)
	}
	m.Version = part[5]
	numbers := [4]uint64{}
	for i := range numbers {
		n, err := strconv.ParseUint(part[i], 10, 53)
		if err != nil {
			return m, fmt.Errorf("%w: member %.240q: %w", errReply, id, err)
		}
		numbers[i] = n
	}
	m.Applied.Epoch, m.Applied.Rev, m.Renewals, m.Seen = numbers[0], numbers[1], numbers[2], int64(numbers[3])
	if part[4] == "-" {
		return m, nil
	}
	ahead, err := strconv.ParseInt(part[4], 10, 54)
	m.Ahead, m.Told = ahead, err == nil
	return m, err
}
