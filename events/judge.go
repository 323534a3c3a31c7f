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
	snapshot bool // its content can be made again
}

// complaint is one thing that is wrong, and the flags of `nats stream edit` that mend
// it; without flags it takes a new stream. mend changes it back where that loses nothing.
type complaint struct {
	wrong bool
	what  string
	flags string
	mend  func(*jetstream.StreamConfig)
}

// judge says what is wrong with a stream and must not be changed without a decision;
// [revocast.ErrUnsuited].
func (w wantedStream) judge(have jetstream.StreamConfig) error {
	for _, c := range w.complaints(have) {
		if c.wrong {
			return w.complain(c)
		}
	}
	return nil
}

// complain says what is wrong, and the command that mends it.
func (w wantedStream) complain(c complaint) error {
	name := w.config.Name
	switch {
	case c.flags != "":
		return fmt.Errorf("%w: stream %s %s; mend it: nats stream edit %s %s", revocast.ErrUnsuited, name, c.what, name,
			c.flags)
	case w.snapshot, w.record:
		return fmt.Errorf("%w: stream %s %s, which cannot be changed; remove it (nats stream rm %s): a publisher "+
			"that runs makes it again, and so does one that starts",
			revocast.ErrUnsuited, name, c.what, name)
	}
	return fmt.Errorf("%w: stream %s %s, which cannot be changed; remove it (nats stream rm %s): a publisher that "+
		"runs makes it again and refills it from Redis; if none runs, start one",
		revocast.ErrUnsuited, name, c.what, name)
}

func (w wantedStream) complaints(have jetstream.StreamConfig) []complaint {
	type config = jetstream.StreamConfig
	want := w.config
	both := []complaint{
		{wrong: have.Storage != jetstream.FileStorage, what: "is kept in memory"},
		{
			have.Retention != jetstream.LimitsPolicy, "forgets messages once they are consumed",
			"", func(c *config) { c.Retention = jetstream.LimitsPolicy },
		},
		{have.Mirror != nil || len(have.Sources) > 0, "is a mirror or has sources", "", w.withoutSources(have)},
		{have.SubjectTransform != nil, "rewrites subjects", "", func(c *config) { c.SubjectTransform = nil }},
		{wrong: have.Sealed, what: "is sealed"},
		{
			wrong: have.PersistMode != jetstream.DefaultPersistMode,
			what:  "acknowledges before it has written (persist mode)",
		},
		{
			wrong: have.MaxConsumers > 0 && have.MaxConsumers < fewConsumers,
			what:  fmt.Sprintf("lets %d consumers read it only", have.MaxConsumers),
		},
		{
			!slices.Equal(have.Subjects, want.Subjects), fmt.Sprintf("holds the subjects %q", have.Subjects),
			"--subjects='" + want.Subjects[0] + "'", func(c *config) { c.Subjects = want.Subjects },
		},
		{have.NoAck, "does not acknowledge", "--ack", func(c *config) { c.NoAck = false }},
		{have.RePublish != nil, "republishes its messages", "--no-republish", func(c *config) { c.RePublish = nil }},
		{
			have.Replicas < want.Replicas, fmt.Sprintf("has %d replicas, want %d", have.Replicas, want.Replicas),
			fmt.Sprintf("--replicas=%d", want.Replicas), func(c *config) { c.Replicas = want.Replicas },
		},
		{have.MaxMsgSize > 0 && have.MaxMsgSize < maxRecord, fmt.Sprintf("takes messages of %d bytes only",
			have.MaxMsgSize), "--max-msg-size=-1", func(c *config) { c.MaxMsgSize = -1 }},
	}
	perSubject := func(c *config) { c.MaxMsgsPerSubject, c.DiscardNewPerSubject = want.MaxMsgsPerSubject, false }
	// The limits under which it dropped events would keep the same events out.
	discardNew := func(c *config) { c.Discard, c.MaxMsgs, c.MaxBytes = jetstream.DiscardNew, -1, -1 }
	if w.snapshot {
		return append(both,
			complaint{wrong: have.DenyPurge, what: "denies purges, so old snapshots would stay"},
			complaint{
				have.MaxMsgs > 0 || have.MaxMsgsPerSubject > 0,
				"is limited to a number of messages, so a snapshot would never be whole",
				"--max-msgs=-1 --max-msgs-per-subject=-1", func(c *config) { c.MaxMsgs, c.MaxMsgsPerSubject = -1, -1 },
			})
	}
	if w.record {
		return append(both,
			complaint{
				have.AllowDirect, "answers reads from any replica (allow direct), so a claim may not be seen",
				"--no-allow-direct", func(c *config) { c.AllowDirect = false },
			},
			complaint{
				have.DiscardNewPerSubject ||
					have.Discard == jetstream.DiscardNew && (have.MaxMsgs > 0 || have.MaxBytes > 0),
				"takes no new record when it is full", "--discard=old --no-discard-per-subject",
				func(c *config) { c.Discard, c.DiscardNewPerSubject = jetstream.DiscardOld, false },
			})
	}
	return append(both,
		complaint{have.Discard != jetstream.DiscardNew, "drops the oldest events when it is full, which may still " +
			"be in force", "--discard=new", discardNew},
		complaint{
			have.MaxMsgsPerSubject > 0, fmt.Sprintf("keeps %d messages per subject only", have.MaxMsgsPerSubject),
			"--max-msgs-per-subject=-1", perSubject,
		})
}

// fewConsumers is how many consumers at a time are too few: each process that compares the stream or
// recovers from it reads through its own.
const fewConsumers = 16

// withoutSources removes sources that somebody added. A mirror stays a mirror.
func (w wantedStream) withoutSources(have jetstream.StreamConfig) func(*jetstream.StreamConfig) {
	if have.Mirror != nil {
		return nil
	}
	return func(c *jetstream.StreamConfig) { c.Sources = nil }
}

// widen returns the configuration with every setting changed that can be made safer without a
// decision, and what that changes; nil if nothing.
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
	if w.snapshot && !have.AllowDirect {
		next.AllowDirect = true
		what = append(what, "direct reads allowed")
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
		list = append(list, fmt.Sprintf("limited to %d messages and %d bytes: when it is full, events are refused "+
			"and no revocation is confirmed durable", have.MaxMsgs, have.MaxBytes))
	}
	if have.MaxConsumers >= fewConsumers {
		list = append(list, fmt.Sprintf("limited to %d consumers: publishers that compare the stream or "+
			"recover from it read through one each", have.MaxConsumers))
	}
	if have.ConsumerLimits.InactiveThreshold > 0 && have.ConsumerLimits.InactiveThreshold < replayInactive {
		list = append(list, fmt.Sprintf("forgets consumers after %v, want at least %v",
			have.ConsumerLimits.InactiveThreshold, replayInactive))
	}
	if have.AllowMsgTTL {
		list = append(list, "allows a time to live per message: anyone who may publish can let an event expire early")
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
		return fmt.Errorf("%w: NATS server of version %.40q, which is not understood; install 2.11 or later",
			revocast.ErrUnsuited, version)
	}
	if a < minMajor || a == minMajor && b < minMinor {
		return fmt.Errorf("%w: NATS server %s is too old; install 2.11 or later", revocast.ErrUnsuited, version)
	}
	return nil
}

// noJetStream is the error of every call where JetStream is off.
func noJetStream(cause error) error {
	return fmt.Errorf("%w: JetStream is not enabled (%w); put this into the server's configuration and restart it: "+
		"jetstream { store_dir: /var/lib/nats, sync_interval: always }; with accounts, also jetstream: enabled in "+
		"this user's account",
		revocast.ErrUnsuited, cause)
}
