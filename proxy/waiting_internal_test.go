package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestApart_PanicIsThatOfTheCaller(t *testing.T) {
	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler { //nolint:errorlint // the value itself
			t.Errorf("recovered %v", fault)
		}
	}()
	apart(func() { panic(http.ErrAbortHandler) })
	t.Error("the panic is lost")
}

// pieces answers each Read with one of its pieces, and keeps how much was asked for.
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
	// Of a message the rest is read at once, and while much comes it is read in large pieces; the next one is waited for with little.
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
