// Package sqltest runs package sqloutbox on real databases: SQLite in the test's process,
// a Postgres and a MariaDB server that the tests start themselves. It is a module of its
// own, so that the drivers are nobody else's dependencies.
package sqltest
