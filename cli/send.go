package cli

import (
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

	"countersign/broker"
	"countersign/sending"

	"github.com/spf13/cobra"
)

func newSend(p *process) *cobra.Command {
	var r curlRequest
	var include bool
	c := curlCommand("send", "Sign one request, send it and print the response.",
		"The response's body goes to standard output as it is. The exit code is 0 for a status below 300, 3, 4 or 5 for\n"+
			"a status of 3xx, 4xx or 5xx, 1 without a response, and 2 for a wrong command line.", &r,
		func() error { return sendRequest(p, &r, include) })
	c.Flags().BoolVarP(&include, "include", "i", false, "Also print the status and headers of the response, as -I does.")
	c.Example = `  countersign send --profile work https://sqs.eu-west-1.amazonaws.com/ -d Action=ListQueues
  countersign send -T file.txt https://examplebucket.s3.eu-west-1.amazonaws.com/key`
	return c
}

// statusError is an unsuccessful response: the exit code is the first digit of its status.
type statusError int

// Error implements error.
func (s statusError) Error() string { return fmt.Sprintf("AWS responded with %d", int(s)) }

func sendRequest(p *process, r *curlRequest, include bool) error {
	if len(r.words) == 0 && r.from == "" {
		return usageError{errors.New("the URL is missing; give the request as for curl, or --from FILE")}
	}
	in, moved, err := r.message(p)
	if err != nil {
		return err
	}
	if err := unsupported(r.passive); err != nil {
		return usageError{err}
	}
	o, err := newOperator(p, r.config, r.profile, r.login != "")
	if err != nil {
		return err
	}
	defer o.close()
	o.complete(&in.Input)
	defer showProgress(p.stderr, moved)()
	sent, err := broker.New(o.options).Send(p.ctx, newCall(), in)
	if err != nil {
		return o.problem(err)
	}
	defer sent.Close()
	if include || sent.Method == http.MethodHead { // a response to HEAD has nothing else
		printHead(p.stdout, sent.Response.Response)
	}
	if _, err := io.Copy(p.stdout, &countingReader{sent.Response.Body, moved}); err != nil {
		return problemError(broker.Problem(sent.Problem(err)))
	}
	if status := sent.Response.StatusCode; status >= http.StatusMultipleChoices && status != http.StatusNotModified {
		return statusError(status)
	}
	return nil
}

// unsupported refuses curl options that change where a request or its response goes. The other commands send nothing,
// so there these options have no meaning.
func unsupported(options []string) error {
	var faults []error
	for _, name := range options {
		switch name {
		case "output", "remote-name", "remote-name-all", "output-dir":
			faults = append(faults, fmt.Errorf("--%s: the response goes to standard output; redirect it into a file with >", name))
		case "proxy", "proxy1.0", "socks4", "socks4a", "socks5", "socks5-hostname":
			faults = append(faults, fmt.Errorf("--%s: requests go through the proxy of HTTPS_PROXY; set that", name))
		case "resolve", "connect-to", "unix-socket", "abstract-unix-socket":
			faults = append(faults, fmt.Errorf("--%s: the request goes to the host of its URL; give that host's URL", name))
		}
	}
	return errors.Join(faults...)
}

// largeFile is the size above which a file is streamed rather than held in memory.
const largeFile = 1 << 20

// message returns the request, and a count of the bytes that are transferred for it.
func (r *curlRequest) message(p *process) (*broker.SendInput, *atomic.Int64, error) {
	moved := new(atomic.Int64)
	if name := r.uploaded(); name != "" && name != "-" {
		info, err := os.Stat(name)
		if err != nil {
			return nil, nil, usageError{err}
		}
		if info.Size() > largeFile {
			r.unread = name
			in, err := r.input(p)
			if err != nil {
				return nil, nil, err
			}
			if in.Body == nil { // the file is the whole body
				stream, err := streamOf(name, info.Size(), moved)
				return &broker.SendInput{Input: *in, Stream: stream, Retry: sending.RetryStandard, Expect: true}, moved, err
			}
			r.unread = ""
		}
	}
	g, err := r.source(p, "send")
	if err != nil {
		return nil, nil, err
	}
	if g.input == nil {
		return nil, nil, usageError{errors.New("--from: an API document is for sign and presign; write the request as for curl")}
	}
	return &broker.SendInput{Input: *g.input, Retry: sending.RetryStandard}, moved, nil
}

// uploaded returns the file that is sent as it is: that of -T or --data-binary.
func (r *curlRequest) uploaded() string {
	if len(r.words) == 0 {
		return ""
	}
	for i, word := range r.words[:len(r.words)-1] {
		name := r.words[i+1]
		switch word {
		case "-T", "--upload-file":
			return name
		case "--data-binary":
			if file, ok := strings.CutPrefix(name, "@"); ok {
				return file
			}
		}
	}
	return ""
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
		return sending.Streamed(hash, &countingReader{file, moved}, size) // closed when the process ends
	}}, nil
}

// countingReader counts the bytes that are read.
type countingReader struct {
	io.Reader
	moved *atomic.Int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.moved.Add(int64(n))
	return n, err
}

// showProgress shows on a terminal how much has been transferred. The function it returns ends that.
func showProgress(out io.Writer, moved *atomic.Int64) func() {
	if !isTerminal(out) {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		drawProgress(out, moved, tick.C, done)
	}()
	return func() { close(done); <-ended }
}

// drawProgress draws one line again at each tick, and removes it in the end.
func drawProgress(out io.Writer, moved *atomic.Int64, tick <-chan time.Time, done <-chan struct{}) {
	for shown := false; ; shown = true {
		select {
		case <-tick:
			fmt.Fprintf(out, "\r\x1b[K%.1f MiB", float64(moved.Load())/(1<<20))
		case <-done:
			if shown {
				fmt.Fprint(out, "\r\x1b[K")
			}
			return
		}
	}
}

// printHead prints status and headers as curl -i does.
func printHead(out io.Writer, response *http.Response) {
	fmt.Fprintf(out, "%s %s\n", response.Proto, response.Status)
	names := make([]string, 0, len(response.Header))
	for name := range response.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range response.Header[name] {
			fmt.Fprintf(out, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintln(out)
}
