//go:build !linux

package faults

import "syscall"

// dieWithParent does nothing: this system cannot promise it, and Close kills the children.
func dieWithParent() *syscall.SysProcAttr { return nil }
