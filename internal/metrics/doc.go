// Package metrics shows the counters of the running parts to Prometheus.
//
// [New] makes a registry of its own; nothing is global. The parts are read when the
// registry is scraped, through their Stats, so they pay nothing for it.
package metrics
