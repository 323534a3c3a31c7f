//go:build !unix

package faults

import "os"

// pauseSignal is none: this system cannot stop a process, and Pause fails.
func pauseSignal() os.Signal { return nil }

func resumeSignal() os.Signal { return nil }

// stopSignal kills: this system has no gentler one.
func stopSignal() os.Signal { return os.Kill }
