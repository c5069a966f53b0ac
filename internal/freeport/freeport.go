// Package freeport finds ports for programs that tests and measurements start.
//
// A port that the kernel chose and that was given back may be somebody else's before
// the program listens: the kernel chooses for every server of every test that runs
// beside. These ports are outside the range from which it chooses, and each process
// takes from a hundred of its own. It keeps no port: the caller's program must listen
// soon.
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

// Next returns a port of 127.0.0.1 at which nobody listens, another one each time.
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
