//go:build unix

package cli

import "syscall"

// descriptors returns how many files and connections the process may have open, or 0 if the system does not say. Go
// has already raised the soft limit to the hard one.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// errRefused is the error of dialing a socket on which no process listens.
const errRefused = syscall.ECONNREFUSED
