package events

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
)

// Oldest server that the protocol was built on: consumers there do not clamp a start
// sequence beyond the end of the stream.
const (
	minMajor = 2
	minMinor = 11
)

// wantedStream is a stream as the protocol needs it.
type wantedStream struct {
	config   jetstream.StreamConfig
	record   bool // it holds the epoch record and must never expire
	snapshot bool // it holds what can be made again
}

// complaint is one thing that is wrong, and the flags of `nats stream edit` that mend
// it; without flags it takes a new stream.
type complaint struct {
	wrong bool
	what  string
	flags string
}

// judge says what is wrong with a stream and not to be changed without somebody
// deciding it; [revocast.ErrUnsuited].
func (w wantedStream) judge(have jetstream.StreamConfig) error {
	for _, c := range w.complaints(have) {
		if !c.wrong {
			continue
		}
		name := w.config.Name
		if c.flags == "" && w.snapshot {
			return fmt.Errorf("%w: stream %s %s, which cannot be changed; remove it (nats stream rm %s) and start a publisher, which makes it",
				revocast.ErrUnsuited, name, c.what, name)
		}
		if c.flags == "" {
			return fmt.Errorf("%w: stream %s %s, which cannot be changed; stop the publishers, remove it (nats stream rm %s), start them and refill it (publisher repair --from redis)",
				revocast.ErrUnsuited, name, c.what, name)
		}
		return fmt.Errorf("%w: stream %s %s; mend it: nats stream edit %s %s", revocast.ErrUnsuited, name, c.what, name, c.flags)
	}
	return nil
}

func (w wantedStream) complaints(have jetstream.StreamConfig) []complaint {
	both := []complaint{
		{have.Storage != jetstream.FileStorage, "is kept in memory", ""},
		{have.Retention != jetstream.LimitsPolicy, "forgets messages once they are consumed", ""},
		{have.Mirror != nil || len(have.Sources) > 0, "is a mirror or has sources", ""},
		{have.SubjectTransform != nil, "rewrites subjects", ""},
		{have.Sealed, "is sealed", ""},
		{have.PersistMode != jetstream.DefaultPersistMode, "acknowledges before it has written (persist mode)", ""},
		{!slices.Equal(have.Subjects, w.config.Subjects), fmt.Sprintf("holds the subjects %q", have.Subjects), "--subjects='" + w.config.Subjects[0] + "'"},
		{have.NoAck, "does not acknowledge", "--ack"},
		{have.RePublish != nil, "republishes its messages", "--no-republish"},
		{have.Replicas < w.config.Replicas, fmt.Sprintf("has %d replicas, want %d", have.Replicas, w.config.Replicas), fmt.Sprintf("--replicas=%d", w.config.Replicas)},
		{have.MaxMsgSize > 0 && have.MaxMsgSize < maxRecord, fmt.Sprintf("takes messages of %d bytes only", have.MaxMsgSize), "--max-msg-size=-1"},
	}
	if w.snapshot {
		return append(both,
			complaint{have.DenyPurge, "denies purges, so old snapshots would stay", ""},
			complaint{have.MaxMsgs > 0 || have.MaxMsgsPerSubject > 0, "is limited to a number of messages, so a snapshot would never be whole", "--max-msgs=-1 --max-msgs-per-subject=-1"})
	}
	if w.record {
		return append(both,
			complaint{have.AllowDirect, "answers reads from any replica (allow direct), so a claim may not be seen", "--no-allow-direct"},
			complaint{have.DiscardNewPerSubject, "takes no new record when it is full", "--no-discard-per-subject"})
	}
	return append(both,
		complaint{have.Discard != jetstream.DiscardNew, "drops the oldest events when it is full, which may still be in force", "--discard=new"},
		complaint{have.MaxMsgsPerSubject > 0, fmt.Sprintf("keeps %d messages per subject only", have.MaxMsgsPerSubject), "--max-msgs-per-subject=-1"})
}

// widen returns the configuration with what can be made safer by itself, and what
// that changes; nil if nothing.
func (w wantedStream) widen(have jetstream.StreamConfig) (next jetstream.StreamConfig, what []string) {
	next = have
	if have.MaxAge != 0 && (w.config.MaxAge == 0 || have.MaxAge < w.config.MaxAge) {
		next.MaxAge = w.config.MaxAge
		what = append(what, fmt.Sprintf("maximum age from %v to %v", have.MaxAge, next.MaxAge))
	}
	if have.Duplicates < w.config.Duplicates {
		next.Duplicates = w.config.Duplicates
		what = append(what, fmt.Sprintf("duplicate window from %v to %v", have.Duplicates, next.Duplicates))
	}
	if w.snapshot && !have.AllowRollup {
		next.AllowRollup = true
		what = append(what, "rollups allowed")
	}
	if !w.snapshot && (!have.DenyDelete || !have.DenyPurge) {
		next.DenyDelete, next.DenyPurge, next.AllowRollup = true, true, false
		what = append(what, "delete and purge denied")
	}
	return next, what
}

// warnings are about what an operator may have meant.
func (w wantedStream) warnings(have jetstream.StreamConfig) (list []string) {
	if have.MaxMsgs > 0 || have.MaxBytes > 0 {
		list = append(list, fmt.Sprintf("limited to %d messages and %d bytes: when it is full, events are refused and no revocation is confirmed durable", have.MaxMsgs, have.MaxBytes))
	}
	if have.AllowMsgTTL {
		list = append(list, "allows a time to live per message: whoever may publish can let an event expire early")
	}
	return list
}

// checkVersion judges a server's version, such as "2.11.4" or "2.12.0-RC.1".
func checkVersion(version string) error {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if errA != nil || errB != nil {
		return fmt.Errorf("%w: NATS server of version %.40q, which is not understood; install 2.11 or later", revocast.ErrUnsuited, version)
	}
	if a < minMajor || a == minMajor && b < minMinor {
		return fmt.Errorf("%w: NATS server %s is too old; install 2.11 or later", revocast.ErrUnsuited, version)
	}
	return nil
}

// noJetStream is what every call fails with where JetStream is off.
func noJetStream(cause error) error {
	return fmt.Errorf("%w: JetStream is not enabled (%w); put this into the server's configuration and restart it: "+
		"jetstream { store_dir: /var/lib/nats, sync_interval: always }; with accounts, also jetstream: enabled in this user's account",
		revocast.ErrUnsuited, cause)
}
