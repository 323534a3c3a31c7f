//go:build unix

package faults

import (
	"os"
	"syscall"
)

func pauseSignal() os.Signal { return syscall.SIGSTOP }

func resumeSignal() os.Signal { return syscall.SIGCONT }
