// Package cli is the countersign command. Each command has its own file; service.go wires the service, and
// shutdown.go stops it. Clock, environment, standard streams and signals enter the program here, in Main, and nowhere
// else, except that serve handles SIGHUP.
package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	_ "countersign/internal/garbage" // makes garbage collection less frequent from the start

	"github.com/mattn/go-isatty"
)

// process is what the commands see of the outside world; tests substitute their own.
type process struct {
	ctx     context.Context
	getenv  func(string) string
	environ []string // NAME=value, to find misspelt names
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	now     func() time.Time
	flags   map[string]string // set on the command line, by name
	// files reads the configuration files. If nil, they are read from disk each time.
	files *files
	// terminal reports whether standard input and standard error are a terminal, so that a person is watching.
	terminal bool

	contract []byte // openapi.yaml
}

// Main runs the program with the arguments of the process and returns its exit code. contract is openapi.yaml, which
// only package main can embed from where it lies.
func Main(contract []byte) int {
	// Ignore SIGPIPE: if standard output is closed, the audit write must fail, which refuses the request; the process
	// must not end.
	signal.Ignore(syscall.SIGPIPE)
	// Nothing of ours writes to the standard logger. net/http does, and quotes what a server sends behind a response: bodies.
	stdlog.SetOutput(io.Discard)
	limitMemory(softMemoryLimit)
	p := process{
		ctx: untilSignal(), getenv: os.Getenv, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		now: time.Now, contract: contract, terminal: isTerminal(os.Stdin) && isTerminal(os.Stderr),
	}
	return run(p, os.Args[1:])
}

// isTerminal reports whether stream is a terminal, and not a file, a pipe or a device such as /dev/null.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// softMemoryLimit is the heap size above which garbage is collected more often: above what 10,000 idle connections
// need, below what the smallest containers and Functions instances have. It is exceeded if requests need more.
// GOMEMLIMIT overrides it.
const softMemoryLimit = 208 << 20

// startMemoryLimit applies while a service reads its configuration for the first time: ten thousand profiles leave
// several times as much garbage as live data.
const startMemoryLimit = 80 << 20

// limitMemory sets the soft limit, unless the operator has set one.
func limitMemory(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// run is the whole program; it returns the exit code.
func run(p process, args []string) int {
	p.flags = map[string]string{}
	parsed := false
	root := newRoot(&p, &parsed)
	root.SetArgs(args)
	c, err := root.ExecuteContextC(p.ctx)
	if err != nil && !parsed {
		err = usageError{fmt.Errorf("%w\nrun %s --help for usage", err, c.CommandPath())}
	}
	return exitCode(p, err)
}

// usageError is a mistake in the command line or the configuration: exit code 2.
type usageError struct{ error }

func exitCode(p process, err error) int {
	if err == nil {
		return 0
	}
	if status := statusError(0); errors.As(err, &status) {
		return int(status) / 100
	}
	fmt.Fprintln(p.stderr, "countersign:", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

// read reads a file that the configuration names.
func (p *process) read(name string) ([]byte, error) {
	if p.files == nil {
		text, _, err := readBounded(name)
		return text, err
	}
	return p.files.read(name)
}

// newID returns a new request id.
func newID() string { return rand.Text() }
