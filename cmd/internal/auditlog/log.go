package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/filelock"
)

const (
	syncEvery = time.Second
	headEvery = 10 * time.Minute // how often the head is logged
	tellEvery = time.Minute      // how often the loss of records is logged
	maxLine   = 8 << 20          // bytes; a call's body has 1 MiB, and JSON may write a byte of it as six
)

// Options are the settings of a [Log].
type Options struct {
	Realm  string
	Logger *slog.Logger     // default [slog.Default]
	Now    func() time.Time // default [time.Now]
}

// Log appends records to a file. It is safe for concurrent use.
type Log struct {
	path string
	o    Options

	mu      sync.Mutex // guards the rest
	file    *os.File
	size    int64 // up to which the file is whole
	n       uint64
	head    string
	torn    []byte // what was found behind the last whole line
	missing uint64 // records that were lost, and no record says so yet
	lost    uint64 // since the start
	told    time.Time
	synced  uint64 // n, when it was synced last
	closed  bool
}

// Open goes on with the log in a file, which it makes if there is none.
func Open(path string, o Options) (*Log, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{path: path, o: o, head: start}
	f, err := l.take()
	if err != nil {
		return nil, fmt.Errorf("%w: audit log: %w", revocast.ErrInvalid, err)
	}
	l.file = f
	if err = l.readEnd(); err == nil {
		err = l.begin()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: audit log: %w", revocast.ErrInvalid, err)
	}
	return l, nil
}

// take opens the file and keeps others from it.
func (l *Log) take() (*os.File, error) {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no regular file", l.path)
	case info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows":
		err = fmt.Errorf("other users of this machine may use %s (mode %04o): run `chmod o-rwx %s`", l.path,
			info.Mode().Perm(), l.path)
	case filelock.Try(f) != nil:
		err = fmt.Errorf("another process writes %s: give each its own file", l.path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readEnd finds out where the log stands.
func (l *Log) readEnd() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	from := max(0, info.Size()-2*maxLine)
	end, err := io.ReadAll(io.NewSectionReader(l.file, from, info.Size()-from))
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(end, '\n') + 1
	l.size = from + int64(whole)
	l.torn = bytes.Clone(end[whole:])
	if whole == 0 {
		if from > 0 {
			return fmt.Errorf("%s has no line at its end: it is no audit log", l.path)
		}
		return nil
	}
	last := end[bytes.LastIndexByte(end[:whole-1], '\n')+1 : whole-1]
	r, err := parse(last)
	if err != nil {
		return fmt.Errorf("the last line of %s is %w: run `publisher audit --log %s`, and move the file away", l.path,
			err, l.path)
	}
	l.n, l.head = r.N, hashOf(last)
	return nil
}

// begin writes what the file says of its end, and that somebody goes on with it.
func (l *Log) begin() error {
	if len(l.torn) > 0 {
		if _, err := l.file.Write([]byte("\n")); err != nil {
			return err
		}
		l.size += int64(len(l.torn)) + 1
	}
	if r, err := parse(l.torn); err == nil { // only the line feed was missing
		l.n, l.head = r.N, hashOf(l.torn)
	} else if len(l.torn) > 0 {
		l.o.Logger.Warn("the audit log's last line is incomplete; a record says so", "file", l.path, "bytes",
			len(l.torn))
		if err := l.writeLocked(Record{Kind: Damaged, Fragment: hashOf(l.torn)}); err != nil {
			return err
		}
	}
	l.torn = nil
	return l.writeLocked(Record{Kind: Opened, Realm: l.o.Realm})
}

// Append writes a record, whose number, time and hash it fills in. What cannot be written is counted.
func (l *Log) Append(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.missing > 0 {
		if err = l.writeLocked(Record{Kind: Lost, Missing: l.missing}); err == nil {
			l.o.Logger.Info("the audit log can be written again", "file", l.path, "missing", l.missing)
			l.missing = 0
		}
	}
	if err == nil {
		err = l.writeLocked(r)
	}
	if err == nil {
		return
	}
	l.missing++
	l.lost++
	if now := l.o.Now(); l.told.IsZero() || now.Sub(l.told) >= tellEvery {
		l.told = now
		l.o.Logger.Error("the audit log cannot be written; calls go on without a record", "file", l.path,
			"lost", l.lost, "error", err)
	}
}

// writeLocked writes a line, whole or not at all.
func (l *Log) writeLocked(r Record) error {
	r.N, r.Time, r.Prev = l.n+1, l.o.Now().UTC(), l.head
	line, err := r.line()
	if err != nil {
		return err
	}
	// What an earlier write left behind goes first.
	if info, err := l.file.Stat(); err != nil {
		return err
	} else if info.Size() > l.size {
		if err := l.file.Truncate(l.size); err != nil {
			return err
		}
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return err
	}
	l.size += int64(len(line)) + 1
	l.n, l.head = r.N, hashOf(line)
	return nil
}

// Lost is how many records were lost since the start.
func (l *Log) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Head is the number of the latest record, and the hash of its line.
func (l *Log) Head() (n uint64, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n, l.head
}

// Run syncs the file each second, and goes on in a new one when the file was renamed or removed, until
// ctx ends. Then it closes the file.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	l.logHead()
	told, _ := l.Head()
	at := l.o.Now()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			continue
		}
		l.Look()
		if n, _ := l.Head(); n != told && l.o.Now().Sub(at) >= headEvery {
			l.logHead()
			told, at = n, l.o.Now()
		}
	}
	l.Look()
	l.logHead()
	return l.Close()
}

// Close closes the file. What is appended after that is lost. It is idempotent.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.file.Close()
}

func (l *Log) logHead() {
	n, hash := l.Head()
	l.o.Logger.Info("audit log", "file", l.path, "records", n, "head", hash)
}

// Look syncs what was written, and goes on in a new file when the file is not at its path any more.
func (l *Log) Look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.synced != l.n {
		if err := l.file.Sync(); err != nil {
			l.o.Logger.Error("the audit log may not be on the disk", "file", l.path, "error", err)
		} else {
			l.synced = l.n
		}
	}
	at, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if own, stat := l.file.Stat(); err == nil && stat == nil && os.SameFile(own, at) {
		return
	}
	if err := l.reopenLocked(); err != nil {
		l.o.Logger.Error("the audit log was moved, and no new file can be begun; it goes on in the old one", "file",
			l.path, "error", err)
	}
}

// reopenLocked goes on in a new file. The chain goes on too.
func (l *Log) reopenLocked() error {
	f, err := l.take()
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		err = fmt.Errorf("%s has something in it already", l.path)
	}
	if err != nil {
		f.Close()
		return err
	}
	old, size := l.file, l.size
	l.file, l.size = f, 0
	if err := l.writeLocked(Record{Kind: Opened, Realm: l.o.Realm}); err != nil {
		l.file, l.size = old, size
		f.Close()
		return err
	}
	l.synced = 0
	return old.Close()
}
