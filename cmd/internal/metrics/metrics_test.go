package metrics_test

import (
	"bufio"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/canary"
	"github.com/revocast/revocast/cmd/internal/metrics"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

func TestMain(m *testing.M) { leak.Main(m) }

// numbered returns a struct whose counters hold 1, 2, 3 … in the order of the
// fields, so that a series that reads the wrong field shows.
func numbered[T any]() T {
	var v T
	n := uint64(0)
	number(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func number(v reflect.Value, n *uint64) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Kind() {
		case reflect.Uint64:
			*n++
			f.SetUint(*n)
		case reflect.Int:
			*n++
			f.SetInt(int64(*n))
		case reflect.Int64: // a time.Duration
			*n++
			f.SetInt(int64(*n) * int64(time.Second))
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct:
			number(f, n)
		default: // names and reasons
		}
	}
}

// part is one whose fields are numbered.
type part[Status, Stats any] struct{}

func (part[Status, Stats]) Status() Status { return numbered[Status]() }
func (part[Status, Stats]) Stats() Stats   { return numbered[Stats]() }

type bus struct {
	part[events.Status, events.Stats]
}

func (bus) Snapshots() events.SnapshotStats { return numbered[events.SnapshotStats]() }

func (bus) Strays() []events.Stray {
	return []events.Stray{{Source: "ack", Fault: "foreign", Count: 7}, {Source: "answer", Fault: "late", Count: 0}}
}

func all() *metrics.Metrics {
	m := metrics.New()
	m.AddBuild("v1.2.3")
	m.AddSubscriber(part[worker.SubscriberStatus, worker.SubscriberStats]{})
	m.AddGuard(numbered[worker.GuardStats])
	m.AddPublisher(part[publisher.Status, publisher.Stats]{})
	m.AddBus(bus{})
	m.AddReadiness("publisher", func() error { return nil })
	m.AddReadiness("worker-1", func() error { return revocast.ErrRecovering })
	m.AddRealm(func() (publisher.FleetStatus, error) { return realm(), nil })
	m.AddRestoreSkipped(func() uint64 { return 3 })
	m.AddAuditLog(func() uint64 { return 5 })
	m.AddSuited(func() bool { return true })
	m.ObserveCanary()
	m.Canary(canary.Result{Took: 3 * time.Millisecond})
	m.Canary(canary.Result{Took: time.Second, Err: revocast.ErrPending})
	m.Canary(canary.Result{Err: revocast.ErrUnavailable})
	m.ObserveRevocations()
	m.Receipt(revocast.Confirmed, 3*time.Millisecond)
	m.ObserveRequests()
	m.Request("/v1/revocations", 200, 3*time.Millisecond)
	return m
}

func realm() publisher.FleetStatus {
	return publisher.FleetStatus{
		OldestUnacked: 1500 * time.Millisecond,
		Ledger: port.Description{
			State: port.LedgerOpen, Settled: true, Now: 10_000, Marked: 7_500,
			Mark: port.StreamMark{Point: port.StreamPoint{Created: 1}},
		},
	}
}

// scrape returns the lines of ours.
func scrape(t *testing.T, m *metrics.Metrics) (samples, help []string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "revocast_"):
			samples = append(samples, line)
		case strings.HasPrefix(line, "# HELP revocast_"):
			help = append(help, line)
		}
	}
	return samples, help
}

func TestSamples(t *testing.T) {
	samples, _ := scrape(t, all())
	for _, want := range []string{
		`revocast_build_info{version="v1.2.3"} 1`,
		`revocast_ready{component="publisher"} 1`, `revocast_ready{component="worker-1"} 0`,
		`revocast_subscriber_epoch 1`, `revocast_subscriber_revision 2`, `revocast_subscriber_lease_left_seconds 3`,
		`revocast_subscriber_ready 1`, `revocast_cache_entries 4`, `revocast_index_states 5`,
		`revocast_index_complete 1`,
		`revocast_subscriber_bound_keys 6`, `revocast_subscriber_clock_ahead_seconds 7`,
		`revocast_subscriber_largest_lead_seconds 8`,
		`revocast_subscriber_events_total 1`, `revocast_subscriber_renewals_total 2`,
		`revocast_subscriber_renew_failures_total 3`, `revocast_subscriber_holes_total 4`,
		`revocast_subscriber_suspects_total 5`,
		`revocast_subscriber_loads_total 6`, `revocast_subscriber_load_failures_total 7`,
		`revocast_subscriber_ledger_loads_total 8`, `revocast_subscriber_ack_failures_total 9`,
		`revocast_subscriber_sightings_total 10`, `revocast_subscriber_sight_failures_total 11`,
		`revocast_subscriber_future_tokens_total 12`,
		`revocast_cache_hits_total 13`, `revocast_cache_misses_total 14`,
		`revocast_cache_evicted_total 15`, `revocast_cache_dropped_total 16`, `revocast_index_overflowed_total 17`,
		`revocast_guard_checks_total{verdict="allowed"} 1`, `revocast_guard_checks_total{verdict="revoked"} 2`,
		`revocast_guard_checks_total{verdict="invalid"} 3`, `revocast_guard_checks_total{verdict="unknown"} 4`,
		`revocast_guard_asked_total 5`, `revocast_guard_ask_failures_total 6`, `revocast_guard_questions_total 7`,
		`revocast_guard_shed_total 8`, `revocast_guard_graced_total 9`,
		`revocast_publisher_committed_total 1`, `revocast_publisher_repeated_total 2`,
		`revocast_publisher_durable_total 3`,
		`revocast_publisher_confirmed_total 4`, `revocast_publisher_failed_total 5`,
		`revocast_publisher_published_total 6`,
		`revocast_publisher_republished_total 7`, `revocast_publisher_recoveries_total 8`,
		`revocast_publisher_struck_total 9`,
		`revocast_publisher_doubtful_total 18`, `revocast_publisher_strangers_total 10`,
		`revocast_publisher_impossible_total 20`,
		`revocast_publisher_audits_total 11`, `revocast_publisher_stream_losses_total 12`,
		`revocast_publisher_refills_total 13`, `revocast_publisher_snapshots_total 14`,
		`revocast_publisher_forgotten_total 15`, `revocast_publisher_vanished_total 16`,
		`revocast_publisher_stream_error 0`,
		`revocast_publisher_refusals_total 17`, `revocast_publisher_stream_mends_total 19`,
		`revocast_publisher_unacked 1`, `revocast_publisher_waiting 2`,
		`revocast_publisher_clock_ahead_seconds 3`, `revocast_publisher_fleet_ahead_seconds 4`,
		`revocast_publisher_largest_lead_seconds 5`, `revocast_publisher_silent_workers 6`,
		`revocast_publisher_oldest_unacked_seconds 1.5`,
		`revocast_stream_mark_age_seconds 2.5`, `revocast_ledger_settled 1`, `revocast_ledger_restore_skipped_total 3`,
		`revocast_audit_log_lost_total 5`,
		`revocast_strays_total{fault="foreign",source="ack"} 7`,
		`revocast_strays_total{fault="late",source="answer"} 0`,
		`revocast_snapshots_saved_total 1`, `revocast_snapshots_save_failures_total 2`,
		`revocast_snapshots_loaded_total 3`, `revocast_snapshots_broken_total 4`,
		`revocast_redis_suited 1`,
		`revocast_canary_seconds_bucket{le="0.005"} 1`, `revocast_canary_seconds_bucket{le="0.002"} 0`,
		`revocast_canary_seconds_count 1`,
		`revocast_canary_total{result="confirmed"} 1`, `revocast_canary_total{result="pending"} 1`,
		`revocast_canary_total{result="failed"} 1`,
		`revocast_bus_published_total 1`, `revocast_bus_acknowledged_total 2`, `revocast_bus_duplicates_total 3`,
		`revocast_bus_refused_total 4`,
		`revocast_bus_connected 1`, `revocast_bus_pending 1`,
		`revocast_bus_tail_received_total 5`, `revocast_bus_replayed_total 6`, `revocast_bus_acks_sent_total 7`,
		`revocast_bus_acks_received_total 8`, `revocast_bus_undecodable_total 9`, `revocast_bus_foreign_realm_total 10`,
		`revocast_bus_disconnects_total 11`, `revocast_bus_slow_consumers_total 12`, `revocast_bus_dropped_total 13`,
		`revocast_bus_subscribed_total 14`, `revocast_bus_replay_resets_total 15`,
		`revocast_bus_replaced_total 16`, `revocast_bus_forbidden_total 17`,
		`revocast_revocation_latency_seconds_bucket{strength="confirmed",le="0.005"} 1`,
		`revocast_revocation_latency_seconds_bucket{strength="confirmed",le="0.002"} 0`,
		`revocast_http_requests_total{route="/v1/revocations",status="200"} 1`,
		`revocast_http_request_seconds_count{route="/v1/revocations"} 1`,
	} {
		if !slices.Contains(samples, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(samples, "\n"))
	}
}

// TestEveryCounterIsShown: a counter added to a part needs a series.
func TestEveryCounterIsShown(t *testing.T) {
	samples, _ := scrape(t, all())
	count := func(prefix string) int {
		n := 0
		for _, s := range samples {
			if strings.HasPrefix(s, prefix) {
				n++
			}
		}
		return n
	}
	fields := func(types ...reflect.Type) (n int) {
		for _, t := range types {
			n += t.NumField()
		}
		return n
	}
	for prefix, want := range map[string]int{
		"revocast_guard_":     fields(reflect.TypeFor[worker.GuardStats]()),
		"revocast_bus_":       fields(reflect.TypeFor[events.Status](), reflect.TypeFor[events.Stats]()),
		"revocast_snapshots_": fields(reflect.TypeFor[events.SnapshotStats]()),
		// Member and Reason are words; Position has two series, View its own.
		"revocast_subscriber_": fields(reflect.TypeFor[worker.SubscriberStatus](),
			reflect.TypeFor[worker.SubscriberStats]()) - 3,
		// and the oldest
		"revocast_publisher_": fields(reflect.TypeFor[publisher.Status](), reflect.TypeFor[publisher.Stats]()) + 1,
	} {
		if got := count(prefix); got != want {
			t.Errorf("%s: %d series for %d fields", prefix, got, want)
		}
	}
	want := fields(reflect.TypeFor[port.ViewStatus](), reflect.TypeFor[port.ViewStats]())
	if got := count("revocast_cache_") + count("revocast_index_"); got != want {
		t.Errorf("view: %d series for %d fields", got, want)
	}
}

// TestDocumented: the package's documentation lists every metric, and no others.
func TestDocumented(t *testing.T) {
	_, help := scrape(t, all())
	name := regexp.MustCompile(`^# HELP (revocast_\w+) (.+\.)$`)
	var names []string
	for _, line := range help {
		m := name.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("no sentence: %s", line)
			continue
		}
		names = append(names, m[1])
	}
	listed := regexp.MustCompile(`revocast_\w+`).FindAllString(packageDoc(t), -1)
	slices.Sort(names)
	slices.Sort(listed)
	if listed = slices.Compact(listed); !slices.Equal(names, listed) {
		t.Errorf("documented\n%s\nserved\n%s", strings.Join(listed, "\n"), strings.Join(names, "\n"))
	}
}

// TestRealmMayBeUnknown: what is not known is missing, for zero would be good news.
func TestRealmMayBeUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*publisher.FleetStatus)
		err    error
		series int
	}{
		"not asked":  {func(*publisher.FleetStatus) {}, revocast.ErrUnavailable, 0},
		"recovering": {func(s *publisher.FleetStatus) { s.Ledger.State = port.LedgerRecovering }, nil, 0},
		"no mark":    {func(s *publisher.FleetStatus) { s.Ledger.Mark = port.StreamMark{} }, nil, 2},
	} {
		m, status := metrics.New(), realm()
		c.change(&status)
		m.AddRealm(func() (publisher.FleetStatus, error) { return status, c.err })
		if samples, _ := scrape(t, m); len(samples) != c.series {
			t.Errorf("%s: %v", name, samples)
		}
	}
}

// sick is a publisher that cannot rely on the stream.
type sick struct {
	part[publisher.Status, publisher.Stats]
}

func (sick) Status() publisher.Status { return publisher.Status{StreamError: revocast.ErrUnavailable} }

func TestStreamError(t *testing.T) {
	m := metrics.New()
	m.AddPublisher(sick{})
	if samples, _ := scrape(t, m); !slices.Contains(samples, "revocast_publisher_stream_error 1") {
		t.Errorf("%v", samples)
	}
}

func TestObservingNothing(t *testing.T) {
	m := metrics.New()
	m.Receipt(revocast.Confirmed, time.Second)
	m.Request("/", 200, time.Second)
	m.Canary(canary.Result{})
	if samples, _ := scrape(t, m); len(samples) != 0 {
		t.Errorf("%v", samples)
	}
}
