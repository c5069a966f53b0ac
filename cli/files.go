package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// files are the files that one reading of the configuration has read: the file itself, policies, secrets, CA
// certificates. Each is read only once, so that what was compared is what is used.
type files struct {
	found map[string]content
	// streams are pipes and the like, which can be read only once, when the process starts.
	streams map[string]content
}

type content struct {
	text []byte
	err  error
}

// sums are the hashes of files, by name: they tell one state of the files from another.
type sums map[string][sha256.Size]byte

func newFiles(streams map[string]content) *files {
	if streams == nil {
		streams = map[string]content{}
	}
	return &files{found: map[string]content{}, streams: streams}
}

// read is os.ReadFile with a limit, and returns the same content each time.
func (f *files) read(name string) ([]byte, error) {
	for _, known := range []map[string]content{f.streams, f.found} {
		if c, found := known[name]; found {
			return c.text, c.err
		}
	}
	text, isStream, err := readBounded(name)
	if isStream {
		f.streams[name] = content{text, err}
	} else {
		f.found[name] = content{text, err}
	}
	return text, err
}

func (f *files) sums() sums {
	s := sums{}
	for name, c := range f.found {
		s[name] = c.sum()
	}
	return s
}

// hash identifies the content of all files, in the few digits of metrics and records; it is the same
// on all instances with the same files. It is empty if there are no files.
func (f *files) hash() string {
	all := sha256.New()
	names := slices.Sorted(maps.Keys(f.found))
	for _, name := range names {
		sum := f.found[name].sum()
		fmt.Fprintf(all, "%q %x\n", name, sum)
	}
	for _, name := range slices.Sorted(maps.Keys(f.streams)) { // without names, which differ from start to start
		sum := f.streams[name].sum()
		fmt.Fprintf(all, "%x\n", sum)
	}
	if len(f.found)+len(f.streams) == 0 {
		return ""
	}
	return hex.EncodeToString(all.Sum(nil))[:hashDigits]
}

// hashDigits is enough to tell a few thousand configurations apart.
const hashDigits = 12

func (c content) sum() [sha256.Size]byte {
	if c.err != nil {
		return sha256.Sum256([]byte("error: " + c.err.Error()))
	}
	return sha256.Sum256(append([]byte("text: "), c.text...))
}

// now returns the sums of the same files as they are on disk now.
func (s sums) now() sums {
	again := newFiles(nil)
	for name := range s {
		_, _ = again.read(name) // an error is a state, too
	}
	return again.sums()
}

func (s sums) equal(other sums) bool { return maps.Equal(s, other) }

// fileLimit protects against a file named by mistake, such as a disk.
const fileLimit = 64 << 20

func readBounded(name string) (text []byte, isStream bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = f.Close() }() // read only
	if info, err := f.Stat(); err == nil {
		isStream = info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice|fs.ModeSocket) != 0
	}
	text, err = io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(text) > fileLimit {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("the file is larger than 64 MiB")}
	}
	return text, isStream, err
}
