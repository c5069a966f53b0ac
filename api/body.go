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
	// smallBody is what a body may hold before its memory is charged: connections are bounded, so these bytes are too. Until then nothing
	// is held for a request, whatever it declares.
	smallBody = 16 << 10
	// memoryPerByte is what a byte of a body takes until it is answered, in its forms as document, text, Base64 and response.
	memoryPerByte = 8
	// A body has patience to arrive, and a second more for each leastRate bytes that have.
	patience  = 15 * time.Second
	leastRate = 32 << 10
	// grace is how long a revoked upload may take to see it; then its connection is cut.
	grace = 250 * time.Millisecond
)

// readBody takes a body into memory before a request holds anything else, so that one that trickles keeps nobody waiting.
func (s *server) readBody(next http.Handler) http.Handler {
	return s.readBodyThen(false, next)
}

// reuseBody is readBody for what has no use for the body once it has answered: its space is used again.
func (s *server) reuseBody(next http.Handler) http.Handler {
	return s.readBodyThen(true, next)
}

// bodies are the spaces of large bodies. Fresh memory costs as much as all that is done with a body, and each would be left
// lying until there are several. smallBodies are those of small ones.
var bodies, smallBodies sync.Pool

func newSpace(size int) []byte {
	if space, ok := bodies.Get().(*[]byte); ok && cap(*space) >= size {
		return (*space)[:0]
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
			response := &offered{ResponseWriter: w, hold: hold, now: s.Now}
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
	var small *arrived
	if reuse {
		small, _ = smallBodies.Get().(*arrived)
	}
	if small == nil {
		small = new(arrived)
	}
	if reuse {
		defer smallBodies.Put(small)
	}
	if int64(cap(small.space)) < r.ContentLength {
		small.space = make([]byte, r.ContentLength)
	}
	data := small.space[:r.ContentLength:r.ContentLength]
	if _, err := io.ReadFull(r.Body, data); err != nil {
		handlers.WriteError(w, r, handlers.BodyUnreadable(err))
		return
	}
	small.Set(data)
	r.Body = &small.Arrived
	next.ServeHTTP(w, r)
}

// arrived is a small body with its space.
type arrived struct {
	handlers.Arrived
	space []byte
}

// arrival is a body on its way.
type arrival struct {
	server  *server
	r       *http.Request
	body    io.Reader
	control *http.ResponseController
	arrived int64
	begun   time.Time // of what is held to the least rate; the server's own timeouts are enough for a small body
}

// Read holds the body to its least rate.
func (in *arrival) Read(b []byte) (int, error) {
	if !in.begun.IsZero() {
		until := in.begun.Add(patience + time.Duration(in.arrived)*time.Second/leastRate)
		// Servers that know no deadlines, such as a recorder in a test, have none to move.
		_ = in.control.SetReadDeadline(until)
		_ = in.control.SetWriteDeadline(until.Add(patience))
	}
	n, err := in.body.Read(b)
	in.arrived += int64(n)
	return n, err
}

// read returns the body, and what is held of the memory for it.
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
	data = bytes.NewBuffer(append(newSpace(int(min(declared, limit))+bytes.MinRead), data.Bytes()...))
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

// revocable ends a body whose memory was taken back.
type revocable struct {
	io.Reader
	revoked <-chan struct{}
}

func (r *revocable) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	select {
	case <-r.revoked: // which may be why there was an error
		return n, errRevoked
	default:
		return n, err
	}
}

// cutWhenRevoked wakes a reader whose client sends nothing.
func (in *arrival) cutWhenRevoked(hold *access.Hold) (stop func()) {
	done := make(chan struct{})
	go func() {
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
	}()
	return func() { close(done) }
}

// discard reads what is left of a refused body, so that its client gets to read the response: a connection that is closed upon a
// client that still sends is reset. A body that is far too large is not worth it.
func (in *arrival) discard() {
	if in.begun.IsZero() {
		in.begun = in.server.Now()
	}
	_, _ = io.CopyN(io.Discard, in, max(4*in.server.MaxBodyBytes-in.arrived, 0))
}

// limitHashes bounds the bodies that are hashed at once, and shares them fairly between callers.
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
