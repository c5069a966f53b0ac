package measure

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPU is what the process has used so far, in user and in kernel mode: its clock, as clock_getcpuclockid(3) finds it.
func (p *Process) CPU() (time.Duration, error) {
	var used unix.Timespec
	err := unix.ClockGettime(int32(^p.command.Process.Pid<<3|2), &used)
	return time.Duration(used.Nano()), err
}
