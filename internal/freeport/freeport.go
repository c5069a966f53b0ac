// Package freeport finds ports for programs that tests and measurements start.
//
// A port that the kernel chose and that was released may be taken again before the program listens: the kernel chooses
// ports for every server in every test that runs at the same time. These ports are outside the range that the kernel
// chooses from, and each process has a hundred of its own. The package does not hold the port: the caller's program
// must listen soon.
package freeport

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

const (
	first = 10_000
	each  = 100
	most  = 20_000
)

var taken atomic.Int64

// Next returns a port on 127.0.0.1 that is not in use, a different one each time.
func Next() (string, error) {
	own := first + os.Getpid()*each%most
	for range each {
		port := strconv.Itoa(own + int(taken.Add(1)%each))
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", errors.New("none of this process's ports is free")
}
