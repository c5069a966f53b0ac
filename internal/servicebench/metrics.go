package main

import (
	"fmt"
	"math"
	"text/tabwriter"

	"countersign/internal/freeport"
	"countersign/internal/measure"
)

// metrics prints what metrics add to the processor time of a request, and what the same measurement says of two processes
// that have none: by how much it can be wrong. The loads are short and many, so that what else the machine does is the same
// for all.
func (o *options) metrics(out *tabwriter.Writer, folder string) error {
	port, err := freeport.Next()
	if err != nil {
		return err
	}
	var servers []*server
	for _, with := range []setup{{}, {metrics: "127.0.0.1:" + port}, {}} {
		s := &server{name: "countersign", load: measure.Load{Request: signRequest(1 << 10), Requests: 300, Connections: 4}}
		if s.process, err = o.startProduct(folder, with); err != nil {
			return err
		}
		defer s.process.Stop()
		servers = append(servers, s)
	}
	many := *o
	many.rounds *= 40
	if err := many.giveLoads(servers); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d rounds\tµs CPU\t÷ off\t(95 %% of runs)\t\n", many.rounds)
	for i, name := range []string{"metrics off", "metrics on", "metrics off, a second process"} {
		fmt.Fprintf(out, "%s\t%.1f\t%s\t\n", name, values(servers[i].results, cpu).median(), ratios(servers[i], servers[0], cpu).interval())
	}
	return nil
}

// interval is the median with the interval that has the true one in 95 of 100 runs.
func (f figures) interval() string {
	m := f.median() // which sorts
	n := float64(len(f))
	at := func(rank float64) float64 { return f[int(min(max(rank, 0), n-1))] }
	return fmt.Sprintf("%.3f\t(%.3f–%.3f)", m, at(math.Floor(n/2-0.98*math.Sqrt(n))), at(math.Ceil(n/2+0.98*math.Sqrt(n))))
}
