package faults

import "syscall"

// dieWithParent makes the kernel kill a child whose parent is gone, no matter how the parent
// ended.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
