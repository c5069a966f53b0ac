package api

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"

	"countersign/access"
	"countersign/handlers"
)

const (
	// smallBody is how much of a body is read before its memory is charged. Connections are limited, so these bytes
	// are, too. Until then nothing is reserved for a request, whatever length it declares.
	smallBody = 16 << 10
	// memoryPerByte is how much memory a byte of a body takes while it is handled: as document, text, Base64 and
	// response.
	memoryPerByte = 8
	// A body has baseTime to arrive, and one more second for each minRate bytes that have arrived.
	baseTime = 15 * time.Second
	minRate  = 32 << 10
	// grace is how long a revoked upload may take to notice; then its connection is cut.
	grace = 250 * time.Millisecond
)

// readBody reads a body into memory before the request acquires anything else, so that a slow body keeps nobody
// waiting.
func (s *server) readBody(next http.Handler) http.Handler {
	return s.readBodyThen(false, next)
}

// reuseBody is readBody for handlers that do not use the body once they have responded: its buffer is reused.
func (s *server) reuseBody(next http.Handler) http.Handler {
	return s.readBodyThen(true, next)
}

// bodies are the buffers of large bodies. Fresh memory costs as much as everything that is done with a body, and the
// garbage collector would let several of them pile up. smallBodies are those of small ones.
var bodies, smallBodies sync.Pool

func newBuffer(size int) []byte {
	if buffer, ok := bodies.Get().(*[]byte); ok && cap(*buffer) >= size {
		return (*buffer)[:0]
	}
	return make([]byte, 0, size)
}

func (s *server) readBodyThen(reuse bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if size := r.ContentLength; 0 <= size && size < min(smallBody, s.MaxBodyBytes+1) {
			s.readSmall(w, r, reuse, next)
			return
		}
		in := &arrival{server: s, r: r, body: r.Body, control: http.NewResponseController(w)}
		data, hold, err := in.read()
		if err != nil {
			in.discard()
			handlers.WriteError(w, r, err)
			return
		}
		if hold != nil {
			response := &offeredResponse{ResponseWriter: w, hold: hold, now: s.Now}
			defer response.release()
			if reuse {
				defer bodies.Put(&data)
			}
			w = response
		}
		r.Body = handlers.WholeBody(data)
		next.ServeHTTP(w, r)
	})
}

// readSmall reads a body of a known size, for which the server's own timeouts are enough.
func (s *server) readSmall(w http.ResponseWriter, r *http.Request, reuse bool, next http.Handler) {
	var small *reusedBody
	if reuse {
		small, _ = smallBodies.Get().(*reusedBody)
	}
	if small == nil {
		small = new(reusedBody)
	}
	if reuse {
		defer smallBodies.Put(small)
	}
	if int64(cap(small.buffer)) < r.ContentLength {
		small.buffer = make([]byte, r.ContentLength)
	}
	data := small.buffer[:r.ContentLength:r.ContentLength]
	if _, err := io.ReadFull(r.Body, data); err != nil {
		handlers.WriteError(w, r, handlers.BodyUnreadable(err))
		return
	}
	small.Set(data)
	r.Body = &small.Arrived
	next.ServeHTTP(w, r)
}

// reusedBody is a small body with its buffer.
type reusedBody struct {
	handlers.Arrived
	buffer []byte
}

// arrival is a body that is being received.
type arrival struct {
	server  *server
	r       *http.Request
	body    io.Reader
	control *http.ResponseController
	arrived int64
	begun   time.Time // of the part under minRate; a small body needs only the server's own timeouts
}

// Read enforces the minimum rate.
func (in *arrival) Read(b []byte) (int, error) {
	if !in.begun.IsZero() {
		until := in.begun.Add(baseTime + time.Duration(in.arrived)*time.Second/minRate)
		// Servers without deadlines, such as a recorder in a test, have none to set.
		_ = in.control.SetReadDeadline(until)
		_ = in.control.SetWriteDeadline(until.Add(baseTime))
	}
	n, err := in.body.Read(b)
	in.arrived += int64(n)
	return n, err
}

// read returns the body and the hold on its memory.
func (in *arrival) read() ([]byte, *access.Hold, error) {
	limit, declared := in.server.MaxBodyBytes, in.r.ContentLength
	if declared > limit {
		return nil, nil, handlers.TooLarge(limit)
	}
	if declared < 0 {
		declared = limit
	}
	data := new(bytes.Buffer)
	data.Grow(int(min(declared, smallBody)) + bytes.MinRead)
	n, err := io.Copy(data, io.LimitReader(in, min(smallBody, limit+1)))
	switch {
	case n > limit:
		return nil, nil, handlers.TooLarge(limit)
	case err != nil || n < smallBody:
		return data.Bytes(), nil, handlers.BodyUnreadable(err)
	}
	in.begun = in.server.Now()
	hold, err := in.server.acquire(in.server.Memory, in.r, memoryPerByte*declared, true)
	if err != nil {
		return nil, nil, err
	}
	stop := in.cutWhenRevoked(hold)
	defer stop()
	data = bytes.NewBuffer(append(newBuffer(int(min(declared, limit))+bytes.MinRead), data.Bytes()...))
	_, err = io.Copy(data, io.LimitReader(&revocable{in, hold.Revoked()}, limit+1-smallBody))
	switch {
	case !hold.Settle(memoryPerByte * int64(data.Len())):
		err = errRevoked
	case err != nil:
		err = handlers.BodyUnreadable(err)
	case int64(data.Len()) > limit:
		err = handlers.TooLarge(limit)
	default:
		return data.Bytes(), hold, nil
	}
	hold.Release()
	return nil, nil, err
}

// errRevoked is the error of a body that had to give way to another caller's.
var errRevoked = &access.BusyError{RetryAfter: time.Second}

// revocable ends a body whose memory is revoked.
type revocable struct {
	io.Reader
	revoked <-chan struct{}
}

func (r *revocable) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	select {
	case <-r.revoked: // this may be the reason for the error
		return n, errRevoked
	default:
		return n, err
	}
}

// cutWhenRevoked wakes a reader whose client sends nothing.
func (in *arrival) cutWhenRevoked(hold *access.Hold) (stop func()) {
	done := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-done:
			return
		case <-hold.Revoked():
		}
		select {
		case <-done:
		case <-time.After(grace):
			_ = in.control.SetReadDeadline(in.server.Now())
		}
	})
	return func() { close(done); waiting.Wait() } // after the handler there is no deadline to set: over HTTP/2 net/http would panic
}

// discard reads the rest of a refused body, so that its client can read the response: if the connection were closed
// while the client was still sending, it would be reset. A body that is far too large is not worth that.
func (in *arrival) discard() {
	if in.begun.IsZero() {
		in.begun = in.server.Now()
	}
	_, _ = io.CopyN(io.Discard, in, max(4*in.server.MaxBodyBytes-in.arrived, 0))
}

// limitHashes limits the bodies that are hashed at the same time, and shares that limit fairly between callers.
func (s *server) limitHashes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold, err := s.acquire(s.Hashes, r, 1, true)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		defer hold.Release()
		in := &arrival{server: s, r: r, control: http.NewResponseController(w)}
		stop := in.cutWhenRevoked(hold)
		defer stop()
		r.Body = struct {
			io.Reader
			io.Closer
		}{&revocable{r.Body, hold.Revoked()}, r.Body}
		next.ServeHTTP(w, r)
	})
}
