// Command servicebench compares the service with the minimum cost of its work: a constant response from net/http, and a
// simple service made of chi, encoding/json and the signer of aws-sdk-go-v2, which neither authenticates nor records.
//
//	go build -o dist/countersign . && go run ./internal/servicebench -product dist/countersign
//
// Servers are separate processes. A round sends the load to all of them, one after the other, so that other activity on
// the machine disturbs all alike; ratios are computed within a round, and the tables have the median over the rounds,
// with the minimum and the maximum. "handlers" is our service without the command line, wired like main but with other
// audit records, so that it can report its memory use, and the cost of records can be measured.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
)

type options struct {
	product               string
	rounds                int
	requests, connections int
	parts                 string
}

func main() {
	var o options
	serve := flag.String("serve", "", "run as the server with this name")
	profile := flag.String("cpuprofile", "", "with -serve handlers: write a CPU profile to this file until SIGTERM")
	flag.StringVar(&o.product, "product", "", "the program to measure")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each load is sent to each server")
	flag.IntVar(&o.requests, "requests", 6000, "number of requests in a load")
	flag.IntVar(&o.connections, "connections", 32, "number of connections")
	flag.StringVar(&o.parts, "parts", "load,metrics,start,growth", "what to measure")
	flag.Parse()
	err := errors.New("-product is required")
	switch {
	case *serve != "":
		err = serveAs(*serve, *profile)
	case o.product != "":
		err = o.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "servicebench:", err)
		os.Exit(1)
	}
}

func (o *options) run() error {
	folder, err := os.MkdirTemp("", "servicebench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, part := range []struct {
		name string
		do   func(*tabwriter.Writer, string) error
	}{{"load", o.compare}, {"metrics", o.metrics}, {"start", o.starts}, {"growth", o.growth}} {
		if !strings.Contains(o.parts, part.name) {
			continue
		}
		if err := part.do(out, folder); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintln(out)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}
