package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// AddWritePath adds everything about a publisher: its counters, its readiness, and its view of
// the realm's two stores, which are asked at each scrape.
func (m *Metrics) AddWritePath(p *publisher.Publisher) {
	m.AddPublisher(p)
	m.AddReadiness("publisher", p.Ready)
	m.AddRealm(func() (publisher.FleetStatus, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return p.Fleet(ctx)
	})
}

// AddRealm adds the status of the realm's stores, from [publisher.Publisher.Fleet]. While the
// ledger is not open, or was not asked, its series are missing rather than zero.
func (m *Metrics) AddRealm(read func() (publisher.FleetStatus, error)) {
	m.registry.MustRegister(&realm{
		read: read,
		oldest: desc("revocast_publisher_oldest_unacked_seconds",
			"Age of the oldest event that JetStream has not acknowledged. Alarm above a few seconds."),
		marked: desc("revocast_stream_mark_age_seconds", "How long ago the stream was last seen to hold what the "+
			"ledger says. Alarm above a minute; missing: never."),
		settled: desc("revocast_ledger_settled",
			"0 while confirmations wait until the leases of an earlier epoch, or of earlier terms, have run out."),
	})
}

func desc(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// realm is a [prometheus.Collector] of series that may be missing.
type realm struct {
	read                    func() (publisher.FleetStatus, error)
	oldest, marked, settled *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (r *realm) Describe(out chan<- *prometheus.Desc) {
	out <- r.oldest
	out <- r.marked
	out <- r.settled
}

// Collect implements [prometheus.Collector].
func (r *realm) Collect(out chan<- prometheus.Metric) {
	s, err := r.read()
	d := s.Ledger
	if err != nil || d.State != port.LedgerOpen {
		return
	}
	set := func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	set(r.oldest, s.OldestUnacked.Seconds())
	set(r.settled, flag(d.Settled))
	if d.Mark.Point.Created != 0 {
		set(r.marked, float64(max(0, d.Now-d.Marked))/1000)
	}
}

// AddAuditLog adds the records of calls that the audit log lacks.
func (m *Metrics) AddAuditLog(lost func() uint64) {
	m.registry.MustRegister(newSnapshots("", lost, []series[uint64]{
		counter("revocast_audit_log_lost_total",
			"Calls whose record could not be written into the audit log. Alarm on any.",
			func(n uint64) uint64 { return n }),
	}))
}

// AddRestoreSkipped adds the events that recoveries left out.
func (m *Metrics) AddRestoreSkipped(read func() uint64) {
	m.registry.MustRegister(newSnapshots("", read, []series[uint64]{
		counter("revocast_ledger_restore_skipped_total",
			"Events of the stream that recoveries left out because nothing could be read out of them. Alarm on "+
				"any.", func(n uint64) uint64 { return n }),
	}))
}

// AddSuited adds whether Redis is configured so that it forgets nothing.
func (m *Metrics) AddSuited(suited func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "revocast_redis_suited",
		Help: "1 while Redis is configured so that it forgets no revocation; the log says what is wrong. Alarm at 0.",
	}, func() float64 { return flag(suited()) }))
}
