//go:build !linux

package faults

import "syscall"

// dieWithParent leaves it to Close: this system has no such promise.
func dieWithParent() *syscall.SysProcAttr { return nil }
