// Package auditlog writes who asked for which revocation, and what came of it, into a file that
// shows whether somebody has changed it.
//
// A line is one [Record], as JSON. It holds the SHA-256 of the line before it, without the line feed;
// the first line of a log has zeros there. So a line cannot be changed, removed, added or moved
// without changing every line after it. Who can write the file can still make all of that again from
// some line on, or cut off its end. The hash of the latest line, the head, tells: keep it where the
// writer of the file cannot reach it. The service logs it, and [Verify] looks for one.
//
// A revocation never waits for its record: where the file takes nothing, the call goes through, the
// loss is counted and logged, and the next record that can be written is one that says how many are
// missing. A record is handed to the operating system before the call's connection is free for the
// next request, and reaches the disk within a second.
//
// The file names people. It is made readable for its owner alone.
package auditlog
