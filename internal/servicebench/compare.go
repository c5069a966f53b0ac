package main

import (
	"fmt"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	"countersign/internal/measure"
)

// server is a server under load.
type server struct {
	name    string
	process *measure.Process
	load    measure.Load
	results []*measure.Result
}

// compare prints the first table: the cost of a request, compared with the minimum.
func (o *options) compare(out *tabwriter.Writer, folder string) error {
	product, err := o.startProduct(folder, setup{})
	if err != nil {
		return err
	}
	defer product.Stop()
	const short = "countersign, short"
	servers := []*server{
		{name: floor},
		{name: simple},
		{name: "countersign", process: product},
		{name: short, process: product},
		{name: noAudit},
		{name: withAudit},
	}
	for _, s := range servers {
		s.load = measure.Load{Request: signRequest(1 << 10), Requests: o.requests, Connections: o.connections}
		if s.name == short {
			s.load.Request = signRequest(1<<10, "output", "short")
		}
		if s.process == nil {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			if s.process, err = measure.Start(exec.Command(self, "-serve", s.name), ""); err != nil {
				return err
			}
			defer s.process.Stop()
		}
	}
	if err := o.giveLoads(servers); err != nil {
		return err
	}
	fmt.Fprintln(out, "1 KiB\tµs CPU\t× floor\t(spread)\t× simple\t(spread)\trps × floor\tp50 µs\tp99 µs\tp99 × simple\tbytes\tMiB\t")
	rate := func(r *measure.Result) float64 { return float64(r.Requests) / r.Took.Seconds() }
	for _, s := range servers {
		toFloor, toSimple := ratios(s, servers[0], cpu), ratios(s, servers[1], cpu)
		fmt.Fprintf(out, "%s\t%.1f\t%s\t%s\t%.2f\t%.0f\t%.0f\t%.2f\t%d\t%.0f\t\n", s.name, values(s.results, cpu).median(),
			toFloor.spread(), toSimple.spread(), ratios(s, servers[0], rate).median(),
			values(s.results, func(r *measure.Result) float64 { return micros(r.At(50)) }).median(), values(s.results, p99).median(),
			ratios(s, servers[1], p99).median(), s.results[0].Bytes/int64(s.results[0].Requests), values(s.results, peak).median())
	}
	last := len(servers) - 1
	fmt.Fprintf(out, "audit on ÷ off\t\t%s\t\n", ratios(servers[last], servers[last-1], cpu).spread())
	memory, err := usage(servers[last].process)
	fmt.Fprintf(out, "handlers, with net/http: %s a request\n", memory)
	return err
}

// giveLoads sends each server its load, round by round, starting each round with a different server.
func (o *options) giveLoads(servers []*server) error {
	for round := -1; round < o.rounds; round++ { // round -1 is to warm up
		for i := range servers {
			s := servers[(i+round+1)%len(servers)]
			r, err := s.load.Give(s.process)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round >= 0 {
				s.results = append(s.results, r)
			}
		}
	}
	return nil
}

func cpu(r *measure.Result) float64  { return micros(r.CPU) / float64(r.Requests) }
func p99(r *measure.Result) float64  { return micros(r.At(99)) }
func peak(r *measure.Result) float64 { return r.PeakMiB }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

type figures []float64

func values(results []*measure.Result, of func(*measure.Result) float64) (list figures) {
	for _, r := range results {
		list = append(list, of(r))
	}
	return list
}

// ratios returns the ratios of a server to another, round by round.
func ratios(s, to *server, of func(*measure.Result) float64) (list figures) {
	for i, r := range s.results {
		list = append(list, of(r)/of(to.results[i]))
	}
	return list
}

func (f figures) median() float64 { return measure.Median(f) }

// spread returns the median with the minimum and the maximum.
func (f figures) spread() string {
	m := f.median() // sorts f
	return fmt.Sprintf("%.2f\t(%.2f–%.2f)", m, f[0], f[len(f)-1])
}
