// Package metrics shows the counters of the running parts to Prometheus.
//
// [New] makes a registry of its own; nothing is global. The parts are read when the registry is
// scraped, through their Stats, so they bear no cost of their own. Times are in seconds; what
// ends in _total only grows while the process lives. The HELP texts say what each metric means.
// Both programs add the label "realm" to every one.
//
// Both programs:
//
//	revocast_build_info{version}
//	revocast_ready{component}
//	revocast_redis_suited                          alarm at 0
//
// The write path ([Metrics.AddPublisher], [Metrics.AddRealm], [Metrics.AddRestoreSkipped], [Metrics.AddAuditLog],
// [Metrics.ObserveRevocations], [Metrics.ObserveCanary]):
//
//	revocast_revocation_latency_seconds{strength}  histogram
//	revocast_publisher_committed_total
//	revocast_publisher_repeated_total
//	revocast_publisher_durable_total
//	revocast_publisher_confirmed_total
//	revocast_publisher_failed_total
//	revocast_publisher_published_total
//	revocast_publisher_republished_total
//	revocast_publisher_recoveries_total
//	revocast_publisher_struck_total
//	revocast_publisher_doubtful_total              look at its log on any
//	revocast_publisher_strangers_total
//	revocast_publisher_impossible_total
//	revocast_publisher_audits_total
//	revocast_publisher_stream_losses_total         alarm on any
//	revocast_publisher_stream_mends_total          alarm on any
//	revocast_publisher_refills_total
//	revocast_publisher_snapshots_total
//	revocast_publisher_forgotten_total
//	revocast_publisher_vanished_total              alarm on any
//	revocast_publisher_unacked
//	revocast_publisher_waiting
//	revocast_publisher_silent_workers              alarm on any
//	revocast_publisher_refusals_total
//	revocast_publisher_stream_error                alarm when it lasts
//	revocast_publisher_clock_ahead_seconds         alarm beyond a second either way
//	revocast_publisher_fleet_ahead_seconds
//	revocast_publisher_largest_lead_seconds        alarm above a second
//	revocast_publisher_oldest_unacked_seconds      alarm above a few seconds
//	revocast_stream_mark_age_seconds               alarm above a minute
//	revocast_ledger_settled
//	revocast_ledger_restore_skipped_total          alarm on any
//	revocast_audit_log_lost_total                  alarm on any
//	revocast_canary_seconds                        histogram
//	revocast_canary_total{result}                  alarm where confirmed stands still
//
// A worker's memory ([Metrics.AddSubscriber]):
//
//	revocast_subscriber_ready
//	revocast_subscriber_lease_left_seconds         alarm at 0
//	revocast_subscriber_epoch
//	revocast_subscriber_revision
//	revocast_subscriber_bound_keys
//	revocast_subscriber_events_total
//	revocast_subscriber_renewals_total
//	revocast_subscriber_renew_failures_total
//	revocast_subscriber_holes_total
//	revocast_subscriber_suspects_total
//	revocast_subscriber_loads_total
//	revocast_subscriber_hears                      alarm at 0
//	revocast_subscriber_acknowledges               alarm at 0
//	revocast_subscriber_ack_failures_total
//	revocast_subscriber_ledger_loads_total
//	revocast_subscriber_load_failures_total
//	revocast_subscriber_clock_ahead_seconds        alarm beyond a second either way
//	revocast_subscriber_largest_lead_seconds
//	revocast_subscriber_sightings_total
//	revocast_subscriber_sight_failures_total
//	revocast_subscriber_future_tokens_total        alarm on any
//	revocast_cache_entries
//	revocast_cache_hits_total
//	revocast_cache_misses_total
//	revocast_cache_evicted_total
//	revocast_cache_dropped_total
//	revocast_index_states
//	revocast_index_complete                        alarm at 0
//	revocast_index_overflowed_total
//
// The read path ([Metrics.AddGuard]):
//
//	revocast_guard_checks_total{verdict}
//	revocast_guard_asked_total
//	revocast_guard_ask_failures_total
//	revocast_guard_questions_total
//	revocast_guard_shed_total                      alarm on any
//	revocast_guard_graced_total                    alarm on any
//
// The broadcast ([Metrics.AddBus], [Metrics.AddStrays], [Metrics.AddSnapshots]):
//
//	revocast_bus_published_total
//	revocast_bus_acknowledged_total
//	revocast_bus_duplicates_total
//	revocast_bus_refused_total
//	revocast_bus_pending
//	revocast_bus_tail_received_total
//	revocast_bus_replayed_total
//	revocast_bus_acks_sent_total
//	revocast_bus_acks_received_total
//	revocast_bus_undecodable_total                 alarm on any
//	revocast_bus_foreign_realm_total               alarm on any
//	revocast_bus_disconnects_total
//	revocast_bus_slow_consumers_total
//	revocast_bus_dropped_total
//	revocast_bus_subscribed_total
//	revocast_bus_connected                         alarm at 0
//	revocast_bus_replaced_total
//	revocast_bus_forbidden_total                   alarm on any
//	revocast_bus_replay_resets_total
//	revocast_strays_total{source,fault}            alarm on any but late
//	revocast_snapshots_saved_total
//	revocast_snapshots_save_failures_total
//	revocast_snapshots_loaded_total
//	revocast_snapshots_broken_total
//
// The HTTP interface of the publisher ([Metrics.ObserveRequests]):
//
//	revocast_http_requests_total{route,status}
//	revocast_http_request_seconds{route}           histogram
//
// The metrics of the Go runtime and of the process (go_, process_) are added to these.
package metrics
