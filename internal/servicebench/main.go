// Command servicebench holds the service against what its work costs at least: a constant response of net/http, and a
// simple service of chi, encoding/json and the signer of aws-sdk-go-v2, which authenticates nobody and records nothing.
//
//	go build -o dist/countersign . && go run ./internal/servicebench -product dist/countersign
//
// Servers are processes of their own. A round gives the load to all of them, one after the other, so that what else the
// machine does disturbs all alike; ratios are taken within a round, and the tables have the median of the rounds, with the
// least and the most. "handlers" is our service without command line, as main links it but with other records, so that it
// can tell what memory it takes, and what records cost.
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
	serve := flag.String("serve", "", "be the server of this name")
	profile := flag.String("cpuprofile", "", "with -serve handlers: write a profile of the processor here until SIGTERM")
	flag.StringVar(&o.product, "product", "", "the program to measure")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each load is given to each server")
	flag.IntVar(&o.requests, "requests", 6000, "how many requests a load has")
	flag.IntVar(&o.connections, "connections", 32, "on how many connections they are sent")
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
