// Package fleettest gives tests a fleet: a [Rig] on a real Redis and a real NATS, and a [World]
// on simulated ones in a bubble of testing/synctest.
package fleettest
