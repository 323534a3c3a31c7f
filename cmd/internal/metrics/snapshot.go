package metrics

import "github.com/prometheus/client_golang/prometheus"

// series is one metric of a part, read out of a snapshot S of it.
type series[S any] struct {
	name  string
	help  string
	kind  prometheus.ValueType
	value func(S) float64
	label string // value of the collector's one label, if it has one
}

// snapshots is a [prometheus.Collector] that takes one snapshot for each scrape, so that the
// series of a part are consistent.
type snapshots[S any] struct {
	read   func() S
	series []series[S]
	descs  []*prometheus.Desc
}

// newSnapshots returns a collector; label names the label of those series that
// have one.
func newSnapshots[S any](label string, read func() S, list []series[S]) *snapshots[S] {
	c := &snapshots[S]{read: read, series: list}
	descs := map[string]*prometheus.Desc{}
	for _, s := range list {
		if descs[s.name] == nil {
			var labels []string
			if s.label != "" {
				labels = []string{label}
			}
			descs[s.name] = prometheus.NewDesc(s.name, s.help, labels, nil)
		}
		c.descs = append(c.descs, descs[s.name])
	}
	return c
}

// Describe implements [prometheus.Collector].
func (c *snapshots[S]) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *snapshots[S]) Collect(out chan<- prometheus.Metric) {
	s := c.read()
	for i, x := range c.series {
		var labels []string
		if x.label != "" {
			labels = []string{x.label}
		}
		out <- prometheus.MustNewConstMetric(c.descs[i], x.kind, x.value(s), labels...)
	}
}

func counter[S any](name, help string, value func(S) uint64) series[S] {
	return series[S]{name: name, help: help, kind: prometheus.CounterValue, value: func(s S) float64 {
		return float64(value(s))
	}}
}

func gauge[S any](name, help string, value func(S) float64) series[S] {
	return series[S]{name: name, help: help, kind: prometheus.GaugeValue, value: value}
}

// labelled gives the series a label; all series of one name share one help text.
func (s series[S]) labelled(value string) series[S] {
	s.label = value
	return s
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
