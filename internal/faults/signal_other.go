//go:build !unix

package faults

import "os"

// pauseSignal does not exist here: this system cannot suspend a process, and Pause fails.
func pauseSignal() os.Signal { return nil }

func resumeSignal() os.Signal { return nil }

// stopSignal kills: this system has no gentler one.
func stopSignal() os.Signal { return os.Kill }
