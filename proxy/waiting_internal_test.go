package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestApart_PanicReachesTheCaller(t *testing.T) {
	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler { //nolint:errorlint // the value itself
			t.Errorf("recovered %v", fault)
		}
	}()
	apart(func() { panic(http.ErrAbortHandler) })
	t.Error("the panic is lost")
}

func TestApart_PanicBringsItsStack(t *testing.T) {
	defer func() {
		fault, ok := recover().(*Panic)
		if !ok || fault.Value != "broken" || !strings.Contains(string(fault.Stack), "proxy.breaks(") {
			t.Errorf("recovered %+v", fault)
		}
	}()
	apart(breaks)
}

//go:noinline
func breaks() { panic("broken") }

// pieces returns one of its pieces for each Read, and records how much was asked for.
type pieces struct {
	left  [][]byte
	asked []int
}

func (p *pieces) Read(b []byte) (int, error) {
	p.asked = append(p.asked, len(b))
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	return n, nil
}

func TestRelay_WaitsWithASmallBuffer(t *testing.T) {
	message := bytes.Repeat([]byte("a"), 5<<10)
	stream := bytes.Repeat([]byte("b"), large)
	from := &pieces{left: [][]byte{[]byte("short"), slices.Clone(message), slices.Clone(stream), slices.Clone(stream), []byte("end")}}
	var to bytes.Buffer
	moved, err := relay(&to, from)
	want := slices.Concat([]byte("short"), message, stream, stream, []byte("end"))
	if err != nil || moved != int64(len(want)) || !bytes.Equal(to.Bytes(), want) {
		t.Errorf("moved %d of %d bytes: %v", moved, len(want), err)
	}
	// A long message is read in large pieces; the next message is awaited with a small buffer.
	const few = 1 << 10
	if want := []int{few, few, large, few, large, large, large, few}; !slices.Equal(from.asked, want) {
		t.Errorf("asked for %d, want %d", from.asked, want)
	}
}

func TestRelay_EndsWithAnError(t *testing.T) {
	broken := errors.New("broken")
	if _, err := relay(io.Discard, io.MultiReader(bytes.NewReader([]byte("a")), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	if _, err := relay(failing{broken}, bytes.NewReader([]byte("a"))); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Nothing that AWS sends at that moment follows the close frame. A client that has not got the response header, or to
// which an earlier write failed, gets no close frame.
func TestSocket_EndsWithTheCloseFrame(t *testing.T) {
	for name, c := range map[string]struct {
		webSocket, written, broken bool
		want                       string
	}{
		"a WebSocket":           {webSocket: true, written: true, want: "header\x88\x02\x03\xe9"},
		"another protocol":      {written: true, want: "header"},
		"before the header":     {webSocket: true},
		"behind half a message": {webSocket: true, written: true, broken: true, want: "header"},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &wire{}
			s := &socket{Conn: wire}
			if c.written {
				_, _ = s.Write([]byte("header"))
			}
			if c.broken {
				wire.err = os.ErrDeadlineExceeded
				_, _ = s.Write([]byte("message"))
				wire.err = nil
			}
			s.part(c.webSocket)
			if n, err := s.Write([]byte("late")); n != 0 || err == nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			if wire.String() != c.want {
				t.Errorf("%q on the wire, want %q", wire, c.want)
			}
		})
	}
}

// wire is a connection that records what is written.
type wire struct {
	net.Conn
	strings.Builder
	err error
}

func (w *wire) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	return w.Builder.Write(p)
}

// limited counts deadlines.
type limited struct {
	http.ResponseWriter
	set int
}

func (l *limited) SetReadDeadline(time.Time) error  { l.set++; return nil }
func (l *limited) SetWriteDeadline(time.Time) error { l.set++; return nil }

// Over HTTP/2, net/http panics if a deadline is set after the handler has returned.
func TestClient_StopsNothingAfterTheRequest(t *testing.T) {
	w := &limited{ResponseWriter: httptest.NewRecorder()}
	c := newClient(New(Options{}), w, func() {})
	c.end()
	before := w.set
	if c.breakOff(); w.set != before {
		t.Errorf("%d deadlines were set", w.set-before)
	}
}
