package cli

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// reloadingLines say that a reload begins, and when: systemd matches the time to its signal.
func reloadingLines() []string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return []string{"RELOADING=1"}
	}
	return []string{"RELOADING=1", "MONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10)}
}
