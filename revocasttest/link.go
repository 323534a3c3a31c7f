package revocasttest

// Link is between one process and one store, and fails as networks do. Each fault lasts until another
// one, or until [Link.Mend].
type Link struct{ way faulty }

// faulty is what a kind of store can do to a link.
type faulty interface {
	cut()
	silence()
	loseReplies()
	mend()
}

// Cut ends the connections and refuses new ones. The process is told.
func (l *Link) Cut() { l.way.cut() }

// Silence lets nothing through and closes nothing: a network that is gone. The process finds out by
// its own timeouts.
func (l *Link) Silence() { l.way.silence() }

// LoseReplies lets through what the process says. No answer comes, so it cannot know what was done.
func (l *Link) LoseReplies() { l.way.loseReplies() }

// Mend lets everything through again.
func (l *Link) Mend() { l.way.mend() }
