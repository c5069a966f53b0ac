//go:build !unix

package cli

import "syscall"

// descriptors returns 0: this system does not say how many files and connections a process may have open.
func descriptors() int { return 0 }

// errRefused is the error of dialing a socket on which no process listens: WSAECONNREFUSED on Windows.
const errRefused = syscall.Errno(10061)
