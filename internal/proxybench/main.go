// Command proxybench compares the proxy with a bare httputil.ReverseProxy and with ReverseProxy plus the signer of
// aws-sdk-go-v2:
//
//	go build -o dist/countersign . && go run ./internal/proxybench -product dist/countersign
//
// Each proxy is a separate process. A round sends every load to all of them, one after the other, so that other
// activity on the machine disturbs all alike. Within a round, the CPU time of the proxy alone, per request, is divided
// by ReverseProxy's; the table has the median over the rounds. Memory is the peak resident memory over all rounds.
// After the proxy it measures requests to /v1/send, compared with what they replace, and the latency of events.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"text/tabwriter"

	"countersign/internal/measure"
)

// load is a number of requests on a number of connections.
type load struct {
	name                  string
	requests, connections int
	method, path          string
	headers               map[string]string
	body                  []byte
	own                   bool // path belongs to the program itself, not to a proxy
	tls                   bool // the upstream speaks TLS; the program itself does not send to this machine over TLS
	// gate and aim are limits for the ratio of a proxy, by name, to ReverseProxy; 0 for none.
	gate, aim map[string]float64
}

func main() {
	serve := flag.String("serve", "", "run as the proxy with this name")
	upstream := flag.String("upstream", "", "address that it sends requests to")
	ca := flag.String("ca", "", "file with the upstream's certificate, if it speaks TLS")
	rounds := flag.Int("rounds", 5, "how often each load is sent to each proxy")
	match := flag.String("match", "", "send only loads whose name contains this")
	program := flag.String("product", "", "the program to measure")
	flag.Parse()
	if *serve != "" {
		if err := serveProxy(*serve, *upstream, *ca); err != nil {
			fatal(err)
		}
		return
	}
	if *program == "" {
		fatal(errors.New("-product is required"))
	}
	if err := compare(*program, *rounds, *match); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "proxybench:", err)
	os.Exit(1)
}

func compare(program string, rounds int, match string) error {
	aws, err := startUpstream()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "proxybench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	secure, ca, err := startTLSUpstream(folder)
	if err != nil {
		return err
	}
	proxies, err := startAll(names, program, folder, aws, "")
	defer stop(proxies)
	if err != nil {
		return err
	}
	overTLS, err := startAll([]string{reverseProxy, withSDK, signing1}, program, folder, secure, ca)
	defer stop(overTLS)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "load\tproxy\tµs CPU\t× ReverseProxy\tMiB\tgate\taim\t")
	for _, l := range loads() {
		if !strings.Contains(l.name, match) {
			continue
		}
		if l.tls {
			err = l.compare(out, overTLS, secure, rounds)
		} else {
			err = l.compare(out, proxies, aws, rounds)
		}
		if err != nil {
			return err
		}
		_ = out.Flush()
	}
	bare, product := proxies[0], proxies[len(proxies)-1]
	for _, s := range sends(aws) {
		if strings.Contains(s.name, match) {
			if err := s.compare(out, bare, product, aws, rounds); err != nil {
				return err
			}
			_ = out.Flush()
		}
	}
	if !strings.Contains("events", match) {
		return nil
	}
	for _, c := range []*child{bare, product} {
		if err := c.followEvents(os.Stdout, aws); err != nil {
			return fmt.Errorf("events, %s: %w", c.name, err)
		}
	}
	return nil
}

// startAll starts proxies. It returns those it has started even if it fails, so that they can be stopped.
func startAll(names []string, program, folder, aws, ca string) ([]*child, error) {
	var started []*child
	for _, name := range names {
		var c *child
		var err error
		if name == withAll {
			c, err = startProduct(program, folder, aws)
		} else {
			c, err = startChild(name, aws, ca)
		}
		if err != nil {
			return started, err
		}
		started = append(started, c)
	}
	return started, nil
}

func stop(proxies []*child) {
	for _, c := range proxies {
		c.Stop()
	}
}

// compare sends the load to all proxies.
func (l *load) compare(out io.Writer, proxies []*child, aws string, rounds int) error {
	cost, ratio, memory := map[string][]float64{}, map[string][]float64{}, map[string]float64{}
	for round := -1; round < rounds; round++ { // round -1 is to warm up
		var bare float64
		for _, c := range proxies {
			cpu, resident, err := c.give(l, aws)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", l.name, c.name, err)
			}
			if round < 0 {
				continue
			}
			if c.name == reverseProxy {
				bare = cpu
			}
			cost[c.name] = append(cost[c.name], cpu)
			ratio[c.name] = append(ratio[c.name], cpu/bare)
			memory[c.name] = max(memory[c.name], resident)
		}
	}
	for _, c := range proxies {
		limits := ""
		for _, limit := range []float64{l.gate[c.name], l.aim[c.name]} {
			if limit > 0 {
				limits += fmt.Sprintf("%.2f", limit)
			}
			limits += "\t"
		}
		fmt.Fprintf(out, "%s\t%s\t%.0f\t%.2f\t%.0f\t%s\n", l.name, c.name, measure.Median(cost[c.name]), measure.Median(ratio[c.name]),
			memory[c.name], limits)
	}
	return nil
}

// child is a proxy in its own process.
type child struct {
	*measure.Process
	name   string
	client *http.Client
}

func startChild(name, aws, ca string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := measure.Start(exec.Command(self, "-serve", name, "-upstream", aws, "-ca", ca), "")
	return &child{p, name, newClient()}, err
}

// give sends the load, and returns the CPU time per request in microseconds and the peak resident memory in MiB.
func (c *child) give(l *load, aws string) (cpu, resident float64, err error) {
	c.ResetPeak()
	before, err := c.CPU()
	if err != nil {
		return 0, 0, err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	left := l.requests
	for range l.connections {
		wg.Go(func() {
			for {
				mu.Lock()
				done := left == 0 || err != nil
				if !done {
					left--
				}
				mu.Unlock()
				if done {
					return
				}
				if failed := c.request(l, aws); failed != nil {
					mu.Lock()
					err = cmp.Or(err, failed)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if err != nil {
		return 0, 0, err
	}
	after, err := c.CPU()
	return float64((after - before).Microseconds()) / float64(l.requests), c.Peak(), err
}

// url returns the proxy's URL for a path of the upstream.
func (c *child) url(path, aws string) string {
	if c.name == signing1 || c.name == withAll {
		path = "/proxy/" + profile + "/" + aws + path
	}
	return "http://" + c.Address + path
}

func (c *child) request(l *load, aws string) error {
	url := c.url(l.path, aws)
	if l.own {
		url = "http://" + c.Address + l.path
	}
	r, err := http.NewRequestWithContext(context.Background(), l.method, url, strings.NewReader(string(l.body)))
	if err != nil {
		return err
	}
	if c.name == withAll {
		r.Header.Set("X-Api-Key", apiKey)
	}
	for name, value := range l.headers {
		r.Header.Set(name, value)
	}
	response, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %d bytes", response.Status, text)
	}
	return err
}
