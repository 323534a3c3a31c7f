// Package serving runs the parts of a process side by side, answers HTTP with limits, and ends
// all of it in order.
package serving
