package faults

import "syscall"

// dieWithParent has the kernel kill a child whose parent is gone, however that ended.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
