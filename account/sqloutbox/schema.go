package sqloutbox

import "strings"

// The tables. Rows that wait have neither handed_ms nor refused; the index finds them, and
// those that were handed over long ago, however many others there are.
const (
	postgresSchema = `CREATE TABLE IF NOT EXISTS {table} (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ref VARCHAR(40) NOT NULL UNIQUE,
  payload TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  tried_ms BIGINT,
  handed_ms BIGINT,
  receipt VARCHAR(48),
  cut_off_ms BIGINT,
  refused TEXT
);
CREATE INDEX IF NOT EXISTS {name}_handed ON {table} (handed_ms, id);
CREATE TABLE IF NOT EXISTS {table}_lease (
  id SMALLINT PRIMARY KEY,
  holder VARCHAR(40) NOT NULL,
  until_ms BIGINT NOT NULL,
  turn BIGINT NOT NULL
)`

	// InnoDB is named since another engine may be the default, and one without
	// transactions would keep what was rolled back.
	mysqlSchema = `CREATE TABLE IF NOT EXISTS {table} (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ref VARCHAR(40) NOT NULL UNIQUE,
  payload MEDIUMTEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  tried_ms BIGINT,
  handed_ms BIGINT,
  receipt VARCHAR(48),
  cut_off_ms BIGINT,
  refused TEXT,
  KEY {name}_handed (handed_ms, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS {table}_lease (
  id SMALLINT NOT NULL PRIMARY KEY,
  holder VARCHAR(40) NOT NULL,
  until_ms BIGINT NOT NULL,
  turn BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

	// AUTOINCREMENT, so that an id is not given out again after the last row was deleted.
	// An index is in the schema of its table, which is said of the index alone.
	sqliteSchema = `CREATE TABLE IF NOT EXISTS {table} (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ref TEXT NOT NULL UNIQUE,
  payload TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  tried_ms INTEGER,
  handed_ms INTEGER,
  receipt TEXT,
  cut_off_ms INTEGER,
  refused TEXT
);
CREATE INDEX IF NOT EXISTS {table}_handed ON {name} (handed_ms, id);
CREATE TABLE IF NOT EXISTS {table}_lease (
  id INTEGER PRIMARY KEY,
  holder TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  turn INTEGER NOT NULL
)`
)

// Schema returns the statements that make the tables, one after the other, for the
// service's migrations. They change nothing where the tables are there already.
func (b *Outbox) Schema() []string {
	text := map[Dialect]string{Postgres: postgresSchema, MySQL: mysqlSchema, SQLite: sqliteSchema}[b.dialect]
	name := b.table[strings.LastIndexByte(b.table, '.')+1:]
	text = strings.NewReplacer("{table}", b.table, "{name}", name).Replace(text)
	return strings.Split(text, ";\n")
}
