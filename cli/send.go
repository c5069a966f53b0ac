package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/sending"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

type sendOptions struct {
	signOptions
	include bool
}

func newSend(p *process) *cobra.Command {
	var o sendOptions
	c := &cobra.Command{
		Use:   "send URL",
		Short: "Sign one request, send it and print the answer.",
		Long: "The answer's body goes to standard output as it is. The exit code is 0 for an answer below 300, 3, 4 or 5 for\n" +
			"one with a status of 3xx, 4xx or 5xx, 1 without an answer, and 2 for a wrong command line.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o.url = args[0]
			return o.send(p)
		},
	}
	o.addTo(c)
	c.Flags().BoolVarP(&o.include, "include", "i", false, "Print status and headers of the answer, too.")
	addConfig(c, &o.config)
	return c
}

// statusError is an answer that is no success: the exit code is the status's first digit.
type statusError int

// Error implements error.
func (s statusError) Error() string { return fmt.Sprintf("AWS answered %d", int(s)) }

func (c sendOptions) send(p *process) error {
	in, moved, err := c.message(p)
	if err != nil {
		return err
	}
	conf, err := loadConfig(p, c.config)
	if err != nil {
		return err
	}
	conf.AllowSend = true // it is the operator's own request
	store, storeErr := newStore(p, conf, zerolog.Nop())
	options, err := brokerOptions(p, conf, store, discardAudit{})
	if err := faultReport(conf, storeErr, err); err != nil {
		return err
	}
	defer store.Close()
	defer options.Sender.Close()
	defer showProgress(p.stderr, moved)()
	call := &broker.Call{RequestID: newID(), Caller: access.Caller{ID: "operator", Method: access.MethodNone}}
	sent, err := broker.New(options).Send(p.ctx, call, in)
	if err != nil {
		return problemError(broker.Problem(err).WithPointers(flagOf))
	}
	defer sent.Close()
	if c.include {
		printHead(p.stdout, sent.Response)
	}
	if _, err := io.Copy(p.stdout, &counted{sent.Response.Body, moved}); err != nil {
		return problemError(broker.Problem(sent.Problem(err)))
	}
	if status := sent.Response.StatusCode; status >= http.StatusMultipleChoices && status != http.StatusNotModified {
		return statusError(status)
	}
	return nil
}

// largeFile is from where on a file is read while it is sent, and not before.
const largeFile = 1 << 20

// message is the request, and a count of the bytes that are moved for it.
func (c sendOptions) message(p *process) (*broker.SendInput, *atomic.Int64, error) {
	moved := new(atomic.Int64)
	name, isFile := strings.CutPrefix(c.data, "@")
	if isFile && name != "-" {
		info, err := os.Stat(name)
		if err != nil {
			return nil, nil, err
		}
		if info.Size() > largeFile {
			c.data = ""
			c.method = cmp.Or(c.method, http.MethodPost)
			in, err := c.input(p)
			if err != nil {
				return nil, nil, err
			}
			stream, err := streamOf(name, info.Size(), moved)
			return &broker.SendInput{Input: *in, Stream: stream, Retry: sending.RetryStandard, Expect: true}, moved, err
		}
	}
	in, err := c.input(p)
	if err != nil {
		return nil, nil, err
	}
	return &broker.SendInput{Input: *in, Retry: sending.RetryStandard}, moved, nil
}

// streamOf reads a file once for its hash, and again when it is sent.
func streamOf(name string, size int64, moved *atomic.Int64) (*broker.Stream, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	return &broker.Stream{Hash: hash, Open: func() (*sending.Body, error) {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", sending.ErrBody, err)
		}
		return sending.Streamed(hash, &counted{file, moved}, size) // closed with the process
	}}, nil
}

// counted counts what is read of it.
type counted struct {
	io.Reader
	moved *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.moved.Add(int64(n))
	return n, err
}

// showProgress writes a line to a terminal while a transfer lasts. What it returns ends it.
func showProgress(out io.Writer, moved *atomic.Int64) func() {
	file, ok := out.(*os.File)
	if !ok {
		return func() {}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for shown := false; ; shown = true {
			select {
			case <-tick.C:
				fmt.Fprintf(file, "\r\x1b[K%.1f MiB", float64(moved.Load())/(1<<20))
			case <-done:
				if shown {
					fmt.Fprint(file, "\r\x1b[K")
				}
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// printHead writes status and headers as curl -i does.
func printHead(out io.Writer, answer *http.Response) {
	fmt.Fprintf(out, "%s %s\n", answer.Proto, answer.Status)
	names := make([]string, 0, len(answer.Header))
	for name := range answer.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range answer.Header[name] {
			fmt.Fprintf(out, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintln(out)
}
