package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/revocast/revocast/account/sqloutbox"
)

// database is one database that the outbox must work on.
type database struct {
	dialect sqloutbox.Dialect
	driver  string
	dsn     string
}

// each runs a test on all three databases at the same time. A server that is not installed fails
// the test.
func each(t *testing.T, test func(*testing.T, database)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) database{
		"sqlite": sqlite, "postgres": postgres, "mariadb": mariadb,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func sqlite(t *testing.T) database {
	file := filepath.Join(t.TempDir(), "accounts.db")
	return database{sqloutbox.SQLite, "sqlite", "file:" + file +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(off)&_txlock=immediate"}
}

func postgres(t *testing.T) database {
	s := start(t, "postgres", startPostgres)
	name := fresh(t, "pgx", s.dsn("postgres"))
	return database{sqloutbox.Postgres, "pgx", s.dsn(name)}
}

func mariadb(t *testing.T) database {
	s := start(t, "mariadb", startMariaDB)
	name := fresh(t, "mysql", s.dsn(""))
	return database{sqloutbox.MySQL, "mysql", s.dsn(name)}
}

// server is a database server on a Unix socket, for all tests of the process.
type server struct {
	dsn  func(database string) string
	stop func()
}

// servers are started by the first test that needs them and stopped after the last one.
type servers struct {
	mu      sync.Mutex // guards the rest
	running map[string]*server
	count   int
}

var shared = &servers{running: make(map[string]*server)}

func start(t *testing.T, name string, run func() (*server, error)) *server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s := shared.running[name]; s != nil {
		return s
	}
	s, err := run()
	if err != nil {
		t.Fatal(err)
	}
	shared.running[name] = s
	return s
}

func (s *servers) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.running {
		one.stop()
	}
}

// fresh makes a database of its own for the test.
func fresh(t *testing.T, driver, dsn string) (name string) {
	t.Helper()
	shared.mu.Lock()
	shared.count++
	name = fmt.Sprintf("test%d", shared.count)
	shared.mu.Unlock()
	db, err := sql.Open(driver, dsn)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "CREATE DATABASE "+name)
	must(t, err)
	return name
}

func startPostgres() (*server, error) {
	dir, who, err := home()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(find("initdb"), "-D", data, "-U", "test", "--auth=trust", "--no-sync", "-E", "UTF8",
		"--locale=C")
	initdb.SysProcAttr, initdb.Dir = who, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w (apt install postgresql, brew install postgresql)\n%s", err, out)
	}
	// A client in another time zone than the server, and neither in UTC.
	cmd := exec.Command(find("postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "timezone=Pacific/Auckland", "-c", "max_connections=50", "-c", "shared_buffers=16MB")
	dsn := func(name string) string {
		return "host=" + dir + " user=test dbname=" + name + " timezone=America/Los_Angeles"
	}
	return launch(cmd, dir, who, "pgx", dsn, "postgres", syscall.SIGINT)
}

func startMariaDB() (*server, error) {
	dir, who, err := home()
	if err != nil {
		return nil, err
	}
	// No privilege tables: with --skip-grant-tables an empty folder is enough, and there
	// is nothing to install.
	data := filepath.Join(dir, "data", "mysql")
	mkdir := exec.Command("mkdir", "-p", data)
	mkdir.SysProcAttr, mkdir.Dir = who, dir
	if out, err := mkdir.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mkdir: %w\n%s", err, out)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(find("mariadbd"), "--no-defaults", "--datadir="+filepath.Dir(data), "--socket="+socket,
		"--pid-file="+filepath.Join(dir, "pid"), "--skip-networking", "--skip-grant-tables",
		"--innodb-log-file-size=8M",
		"--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0", "--default-time-zone=+12:00")
	dsn := func(name string) string { return "test@unix(" + socket + ")/" + name + "?time_zone=%27-08%3A00%27" }
	return launch(cmd, dir, who, "mysql", dsn, "", syscall.SIGTERM)
}

// launch starts a server and waits until it answers.
func launch(cmd *exec.Cmd, dir string, who *syscall.SysProcAttr, driver string, dsn func(string) string, name string,
	stop syscall.Signal,
) (*server, error) {
	var output bytes.Buffer // read once the process has ended
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = who, dir, &output, &output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (Debian: apt install postgresql mariadb-server-core)", err)
	}
	ended := make(chan struct{})
	go func() { // ends with the process, which stop waits for
		defer close(ended)
		_ = cmd.Wait()
	}()
	s := &server{dsn: dsn, stop: func() {
		_ = cmd.Process.Signal(stop)
		<-ended
		_ = os.RemoveAll(dir)
	}}
	if err := answers(driver, dsn(name), ended); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w\n%s", err, output.String())
	}
	return s, nil
}

func answers(driver, dsn string, ended <-chan struct{}) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("the server has ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

// home makes a folder for a server and says as whom it is to run: neither server runs as
// root, so it is nobody then. The path is short, since that of a socket must be.
func home() (dir string, who *syscall.SysProcAttr, err error) {
	if dir, err = os.MkdirTemp("/tmp", "sql"); err != nil {
		return "", nil, err
	}
	if os.Getuid() != 0 {
		return dir, nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return "", nil, err
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	return dir, runAs(uid, gid), os.Chown(dir, uid, gid)
}

// find looks where packages put servers that are not in everybody's path.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	places := []string{"/usr/sbin/" + name, "/usr/lib/postgresql/*/bin/" + name}
	if runtime.GOOS == "darwin" {
		places = []string{"/opt/homebrew/opt/*/bin/" + name, "/usr/local/opt/*/bin/" + name}
	}
	for _, place := range places {
		if found, _ := filepath.Glob(place); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return name
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
