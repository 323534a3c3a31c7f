// Package reckon tells the time without believing one wall clock.
package reckon
