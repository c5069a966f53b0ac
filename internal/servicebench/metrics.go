package main

import (
	"fmt"
	"math"
	"text/tabwriter"

	"countersign/internal/freeport"
	"countersign/internal/measure"
)

// metrics prints how much metrics add to the CPU time of a request, and the result of the same measurement for two
// processes without metrics, which shows its error. The loads are short and many, so that other activity on the machine
// affects all alike.
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

// interval returns the median with an interval that contains the true one in 95 of 100 runs.
func (f figures) interval() string {
	m := f.median() // sorts f
	n := float64(len(f))
	at := func(rank float64) float64 { return f[int(min(max(rank, 0), n-1))] }
	return fmt.Sprintf("%.3f\t(%.3f–%.3f)", m, at(math.Floor(n/2-0.98*math.Sqrt(n))), at(math.Ceil(n/2+0.98*math.Sqrt(n))))
}
