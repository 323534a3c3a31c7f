package revocast

// Forever is the cut-off of a revoked token or session, which is dead outright, in Unix
// milliseconds. It is the largest integer that a Lua number holds exactly.
const Forever int64 = 1<<53 - 1

// State is all that stands against one key: the sum of every revocation of it so far. Times are
// Unix milliseconds on the ledger's (Redis) clock; zero means absent.
//
// A state only grows. Read it as a function from sessions to cut-offs: Floor for
// the session in Except, CutOff for every other one. [State.Merge] is the
// pointwise maximum of two such functions, hence commutative, associative and
// idempotent, and merging two histories in any order, any number of times, is
// safe. The ban alone is a register in which the later position wins.
type State struct {
	CutOff int64 // tokens issued at or before are dead
	Except Key   // key of the session that CutOff spares; zero: none, and then Floor == CutOff
	Floor  int64 // the cut-off for the session in Except; never above CutOff
	Until  int64 // when the state may be forgotten: nothing it covers is accepted any more
	Ban    BanState

	// At is the position of the latest change of the state.
	At Position
}

// BanState is the ban on one principal: a register, last writer (by position)
// wins. Until zero with a position is a ban that was lifted.
type BanState struct {
	From  int64 // Unix milliseconds; zero: from the start
	Until int64 // Unix milliseconds
	At    Position
}

// IsZero reports whether nothing stands against the key.
func (s State) IsZero() bool { return s.CutOff == 0 && s.Ban.Until == 0 }

// Merge returns the sum of s and t. The Lua scripts of the ledger merge in the same way; one
// property test drives both.
func (s State) Merge(t State) State {
	if t.CutOff > s.CutOff {
		s, t = t, s
	}
	// s has the later cut-off, so only its exception can survive, and only down
	// to what t says about that same session. Of two equal cut-offs with different
	// exceptions neither survives, whichever comes first.
	if !s.Except.IsZero() {
		s.Floor = max(s.Floor, t.cutOffFor(s.Except))
	}
	s.Until = max(s.Until, t.Until)
	s.Ban = s.Ban.Merge(t.Ban)
	if s.At.Before(t.At) {
		s.At = t.At
	}
	return s.normal()
}

// cutOffFor is the cut-off that s has for one session.
func (s State) cutOffFor(session Key) int64 {
	if !s.Except.IsZero() && session == s.Except {
		return s.Floor
	}
	return s.CutOff
}

// normal drops an exception that spares nothing any more, so that equal
// functions are equal values.
func (s State) normal() State {
	if s.Except.IsZero() || s.Floor >= s.CutOff {
		s.Except, s.Floor = Key{}, s.CutOff
	}
	return s
}

// Merge returns the later of the two, which is the one that counts.
func (b BanState) Merge(c BanState) BanState {
	switch b.At.Compare(c.At) {
	case -1:
		return c
	case 0: // the same event twice; a tie of different values takes the stricter
		return BanState{From: min(b.From, c.From), Until: max(b.Until, c.Until), At: b.At}
	}
	return b
}

// Finding is what a state says about one token.
type Finding struct {
	Covered bool // the token is refused
	Banned  bool // and only the ban refuses it, which may be lifted
	// BanFrom is the start of a ban that is not in force yet, in Unix milliseconds; zero: none.
	BanFrom int64
}

// Against applies s to a token that was issued at issued (Unix milliseconds; zero: unknown) in the
// session with this key (zero: none). now is the wall-clock time; only bans use it.
//
// A token issued exactly at the cut-off counts as issued before it. So a token whose issue time was
// cut to whole seconds, and falls into the cut-off's own second, is refused. Any cut-off refuses a
// token of unknown issue time: a token that cannot be shown to be newer is not allowed.
func (s State) Against(issued int64, session Key, now int64) Finding {
	if cut := s.cutOffFor(session); cut != 0 && issued <= cut {
		return Finding{Covered: true}
	}
	switch b := s.Ban; {
	case b.Covers(now):
		return Finding{Covered: true, Banned: true}
	case now < b.From && b.From < b.Until:
		return Finding{BanFrom: b.From}
	}
	return Finding{}
}

// Covers reports whether the ban is in force at the wall-clock time now.
func (b BanState) Covers(now int64) bool { return b.From <= now && now < b.Until }
