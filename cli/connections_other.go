//go:build !unix

package cli

import "syscall"

// descriptors is 0: this system does not tell how many files and connections a process may have open.
func descriptors() int { return 0 }

// errRefused is why nobody can be reached at a socket where nobody listens: WSAECONNREFUSED of Windows.
const errRefused = syscall.Errno(10061)
