// Package frontier tracks up to where a history was applied without a hole.
package frontier
