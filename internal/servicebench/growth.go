package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"countersign/internal/measure"
)

// growth prints the cost of a request when there is more of something, compared with the same request otherwise.
func (o *options) growth(out *tabwriter.Writer, folder string) error {
	fmt.Fprintln(out, "growth\tµs CPU\t× 1\t(spread)\tp99 µs\tMiB\t")
	for _, g := range []struct {
		name string
		more setup
	}{
		{"1,000 policies", setup{policies: 1000}}, {"10,000 profiles", setup{profiles: 10_000}}, {"10,000 keys", setup{keys: 10_000}},
	} {
		more := measure.Load{Request: signRequest(1 << 10), Requests: o.requests, Connections: o.connections}
		if err := o.grow(out, folder, g.name, g.more, more); err != nil {
			return err
		}
	}
	many := measure.Load{Request: signRequest(1 << 10), Requests: o.requests, Connections: 256}
	if err := o.grow(out, folder, "256 connections", setup{}, many); err != nil {
		return err
	}
	for _, size := range []int{100 << 10, 1 << 20, 9 << 20} {
		large := measure.Load{Request: signRequest(size), Requests: max(2, (40<<20)/size), Connections: 1}
		if err := o.grow(out, folder, fmt.Sprintf("text of %d KiB", size>>10), setup{}, large); err != nil {
			return err
		}
	}
	return nil
}

func (o *options) grow(out *tabwriter.Writer, folder, name string, more setup, load measure.Load) error {
	least := &server{name: "without", load: measure.Load{Request: signRequest(1 << 10), Requests: o.requests, Connections: o.connections}}
	grown := &server{name: name, load: load}
	for s, with := range map[*server]setup{least: {}, grown: more} {
		var err error
		if s.process, err = o.startProduct(folder, with); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		defer s.process.Stop()
	}
	if err := o.giveLoads([]*server{least, grown}); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\t%.1f\t%s\t%.0f\t%.0f\t\n", name, values(grown.results, cpu).median(), ratios(grown, least, cpu).spread(),
		values(grown.results, p99).median(), values(grown.results, peak).median())
	return nil
}

// starts prints how long a start takes, and how much memory and CPU time it uses.
func (o *options) starts(out *tabwriter.Writer, folder string) error {
	fmt.Fprintln(out, "start\tms to the first signature\tms CPU until idle\tMiB idle\tMiB at the peak\t")
	once := measure.Load{Request: signRequest(1 << 10), Requests: 1, Connections: 1}
	for _, s := range []struct {
		name  string
		setup setup
	}{{"one profile", setup{}}, {"10,000 profiles", setup{profiles: 10_000}}} {
		var took, cpu, idle, peak figures
		for range max(o.rounds, 3) {
			begun := time.Now()
			p, err := o.startProduct(folder, s.setup)
			if err != nil {
				return err
			}
			most := p.Peak() // during the start itself
			_, err = once.Give(p)
			took = append(took, time.Since(begun).Seconds()*1000)
			if err != nil {
				p.Stop()
				return err
			}
			time.Sleep(1500 * time.Millisecond)
			used, err := p.CPU()
			cpu, idle, peak = append(cpu, micros(used)/1000), append(idle, p.Resident()), append(peak, max(most, p.Peak()))
			p.Stop()
			if err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t\n", s.name, took.median(), cpu.median(), idle.median(), peak.median())
	}
	if stat, err := os.Stat(o.product); err == nil {
		fmt.Fprintf(out, "the program has %.1f MiB\n", float64(stat.Size())/(1<<20))
	}
	return nil
}
