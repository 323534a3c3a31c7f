//go:build !unix

package sqltest

import "syscall"

// runAs leaves a process to the user that starts it.
func runAs(int, int) *syscall.SysProcAttr { return nil }
