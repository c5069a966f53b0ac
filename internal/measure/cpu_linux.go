package measure

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time that the process has used so far, in user and kernel mode, from its clock (see
// clock_getcpuclockid(3)).
func (p *Process) CPU() (time.Duration, error) {
	var used unix.Timespec
	err := unix.ClockGettime(int32(^p.command.Process.Pid<<3|2), &used)
	return time.Duration(used.Nano()), err
}
