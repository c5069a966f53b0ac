// Package cli is the countersign command: a file for each of its commands,
// service.go, which wires what serves, and shutdown.go, which ends it. Clock,
// environment, standard streams and signals enter the program here, in Main, and
// nowhere else, except that serve ignores SIGHUP.
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

	_ "countersign/internal/garbage" // collected less often, from the beginning

	"github.com/mattn/go-isatty"
)

// process is what the commands see of the outside world; tests give them another.
type process struct {
	ctx     context.Context
	getenv  func(string) string
	environ []string // NAME=value, so that misspelt names are found
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	now     func() time.Time
	flags   map[string]string // set on the command line, by name
	// files reads the files of the configuration. Nil: they are read from the disk each time.
	files *files
	// terminal: standard input and standard error are one, so that somebody watches.
	terminal bool

	contract []byte // openapi.yaml
}

// Main runs the program with the arguments of the process and returns its exit code.
// contract is openapi.yaml, which lies where only package main can embed it.
func Main(contract []byte) int {
	// Ignore SIGPIPE: a closed standard output must fail the audit write, which refuses the request, and not end the process.
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

// isTerminal tells a terminal from files, pipes and devices such as /dev/null.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// softMemoryLimit is where garbage is collected more often instead of left lying:
// above what 10,000 idle connections hold, below what the smallest containers and
// Functions instances have. More is taken where requests need it. GOMEMLIMIT sets
// another.
const softMemoryLimit = 208 << 20

// startMemoryLimit holds while the configuration of a service is read for the first time: ten thousand profiles leave several
// times as much lying as is kept.
const startMemoryLimit = 80 << 20

// limitMemory sets the soft limit, unless the operator did.
func limitMemory(limit int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// run is the whole program; its result is the exit code.
func run(p process, args []string) int {
	p.flags = map[string]string{}
	parsed := false
	root := newRoot(&p, &parsed)
	root.SetArgs(args)
	c, err := root.ExecuteContextC(p.ctx)
	if err != nil && !parsed {
		err = usageError{fmt.Errorf("%w\n%s --help shows what is possible", err, c.CommandPath())}
	}
	return exitCode(p, err)
}

// usageError is the operator's mistake: exit code 2.
type usageError struct{ error }

func exitCode(p process, err error) int {
	if err == nil {
		return 0
	}
	if answered := statusError(0); errors.As(err, &answered) {
		return int(answered) / 100
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

// newID makes the id of a request.
func newID() string { return rand.Text() }
