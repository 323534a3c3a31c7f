//go:build unix

package faults

import (
	"os"
	"syscall"
)

func pauseSignal() os.Signal { return syscall.SIGSTOP }

func resumeSignal() os.Signal { return syscall.SIGCONT }

// stopSignal is the one of service managers.
func stopSignal() os.Signal { return syscall.SIGTERM }
