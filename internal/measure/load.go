package measure

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Load is an HTTP/1.1 request, in wire format, that is sent Requests times over Connections connections. Each
// connection sends the next one when it has read the response.
type Load struct {
	Request               []byte
	Requests, Connections int
}

// Result is the result of a [Load].
type Result struct {
	Took     time.Duration
	Bytes    int64           // total size of the response bodies
	Waited   []time.Duration // for each response, in ascending order
	CPU      time.Duration   // of the server
	PeakMiB  float64         // of the server's memory
	Requests int
}

// At returns the time within which the given percentage of the responses arrived.
func (r *Result) At(percent int) time.Duration { return r.Waited[(len(r.Waited)-1)*percent/100] }

// Give sends the load to the server. Every response must have status 200.
func (l *Load) Give(p *Process) (*Result, error) {
	p.ResetPeak()
	before, err := p.CPU()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var clients sync.WaitGroup
	var left, size atomic.Int64
	left.Store(int64(l.Requests))
	r := &Result{Requests: l.Requests}
	begun := time.Now()
	for range l.Connections {
		clients.Go(func() {
			waited, failed := l.client(p.Address, &left, &size)
			mu.Lock()
			defer mu.Unlock()
			r.Waited, err = append(r.Waited, waited...), cmp.Or(err, failed)
		})
	}
	clients.Wait()
	if err != nil {
		return nil, err
	}
	r.Took, r.Bytes, r.PeakMiB = time.Since(begun), size.Load(), p.Peak()
	after, err := p.CPU()
	r.CPU = after - before
	slices.Sort(r.Waited)
	return r, err
}

func (l *Load) client(address string, left, size *atomic.Int64) (waited []time.Duration, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 16<<10)
	for left.Add(-1) >= 0 {
		begun := time.Now()
		if _, err := c.Write(l.Request); err != nil {
			return nil, err
		}
		n, err := readResponse(in)
		if err != nil {
			return nil, err
		}
		waited = append(waited, time.Since(begun))
		size.Add(int64(n))
	}
	return waited, nil
}

// readResponse reads one response with a Content-Length, and returns the length of its body.
func readResponse(in *bufio.Reader) (length int, err error) {
	status, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	length = -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, errors.New("a response without a length")
	}
	if len(status) < 12 || status[9:12] != "200" {
		text, _ := io.ReadAll(io.LimitReader(in, int64(min(length, 1000))))
		return 0, fmt.Errorf("%s %s", bytes.TrimSpace([]byte(status)), text)
	}
	_, err = in.Discard(length)
	return length, err
}
