//go:build unix

package cli

import "syscall"

// descriptors is how many files and connections the process may have open, or 0
// where the system does not tell. Go has raised the soft limit to the hard one.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// errRefused is why nobody can be reached at a socket where nobody listens.
const errRefused = syscall.ECONNREFUSED
