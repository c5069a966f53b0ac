// Command bench compares package signing with other signers and with the cost of the cryptography
// itself.
//
//	go run .             a table of times and ratios
//	go run . -rounds 51  the same, with less noise
//
// Every round runs all signers one after the other. Each signer's time is the first quartile of its
// runs, since disturbances can only make a run longer. Countersign has two rows. The first builds
// only the value of the Authorization header, or the URL. The second builds everything there is to
// send, as Sign and Presign do; the other signers also set the headers besides Authorization. Both
// rows are compared with the targets.
//
// Times are CPU time of the process, including garbage collection. The floor is the hashing and one
// HMAC from a saved state, with Go's own cryptography.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"countersign/signing"
)

// target is what countersign must achieve: at most floor times the floor, and at least faster times
// as fast as aws-sdk-go-v2. Zero means no target.
type target struct{ floor, faster float64 }

func main() {
	rounds := flag.Int("rounds", 15, "how often to run each signer")
	match := flag.String("match", "", "run only the requests whose name contains this")
	flag.Parse()
	runtime.GOMAXPROCS(1)

	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "request\tsigner\tns CPU\tallocs\t× floor\t× faster than aws-sdk-go-v2\tmust\t")
	for _, row := range []struct {
		r *request
		target
	}{
		{post(), target{1.7, 3}},
		{get(), target{2.5, 4}},
		{presigned(), target{2.6, 5}},
		{put(), target{1.05, 0}},
		{manyHeaders(), target{0, 1 / 0.35}},
		{manyParameters(), target{0, 1 / 0.35}},
		{version4a(), target{}},
	} {
		if !strings.Contains(row.r.name, *match) {
			continue
		}
		if err := compare(table, row.r, row.target, *rounds); err != nil {
			log.Fatalf("%s: %v", row.r.name, err)
		}
	}
	if strings.Contains("10,000 roles", *match) {
		if err := compareRoles(table, *rounds); err != nil {
			log.Fatalf("roles: %v", err)
		}
	}
	if err := table.Flush(); err != nil {
		log.Fatal(err)
	}
}

// compare prints the rows of one request.
func compare(table *tabwriter.Writer, r *request, must target, rounds int) error {
	signers := signersOf(r.algorithm)
	theSDK := slices.IndexFunc(signers, func(s signer) bool { return s.name == "aws-sdk-go-v2" })
	costs, err := measure(signers, r, rounds)
	if err != nil {
		return err
	}
	for i, s := range signers {
		name, verdict := "", ""
		if i == 0 {
			name = r.name
		}
		overFloor, faster := ratio(costs[i], costs[0]), 0.0
		if theSDK >= 0 {
			faster = ratio(costs[theSDK], costs[i])
		}
		if s.ours {
			verdict = must.verdict(overFloor, faster)
		}
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%d\t%.2f\t%.2f\t%s\t\n", name, s.name, costs[i].quartile(), costs[i].allocs, overFloor, faster, verdict)
	}
	return nil
}

func (t target) verdict(overFloor, faster float64) string {
	switch {
	case t.floor > 0 && overFloor > t.floor || faster < t.faster:
		return fmt.Sprintf("MISSED: ≤ %.2f, ≥ %.2f", t.floor, t.faster)
	case t == target{}:
		return ""
	}
	return "ok"
}

// compareRoles prints the cost of ten thousand roles compared with one.
func compareRoles(table *tabwriter.Writer, rounds int) error {
	const many = 10_000
	roles := make([]signing.Credentials, many)
	for i := range roles {
		roles[i] = role(i)
	}
	s, next := countersign(), 0
	alternating, one := s, s
	alternating.name, alternating.sign = "countersign, 10,000 roles", func(r *request) error {
		next = (next + 1) % many
		r.credentials = roles[next]
		return s.sign(r)
	}
	one.name, one.sign = "countersign, one role", func(r *request) error {
		r.credentials = roles[0]
		return s.sign(r)
	}
	r := post()
	for range roles {
		if err := alternating.sign(r); err != nil {
			return err
		}
	}
	costs, err := measure([]signer{one, alternating}, r, rounds)
	if err != nil {
		return err
	}
	for i, name := range []string{one.name, alternating.name} {
		verdict := ""
		if r := ratio(costs[i], costs[0]); i == 1 {
			verdict = fmt.Sprintf("%.2f × one role, must be ≤ 1.25", r)
		}
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%d\t\t\t%s\t\n", "", name, costs[i].quartile(), costs[i].allocs, verdict)
	}
	return nil
}

// cost is the time a signer took in each round, and its allocations.
type cost struct {
	times  []float64 // ns of CPU time per signature
	allocs uint64
}

// measure runs every signer once per round, for about fifty milliseconds, during which the garbage
// collector runs more than once.
func measure(signers []signer, r *request, rounds int) ([]cost, error) {
	costs := make([]cost, len(signers))
	for range rounds {
		for i, s := range signers {
			n := 1
			for {
				elapsed, allocs, err := run(s, r, n)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", s.name, err)
				}
				if elapsed >= 50*time.Millisecond {
					costs[i].times = append(costs[i].times, float64(elapsed)/float64(n))
					costs[i].allocs = allocs / uint64(n)
					break
				}
				n *= 2
			}
		}
	}
	return costs, nil
}

// run signs n times and returns the CPU time and the number of allocations.
func run(s signer, r *request, n int) (time.Duration, uint64, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	for range n {
		if err := s.sign(r); err != nil {
			return 0, 0, err
		}
	}
	end, err := cpuTime()
	runtime.ReadMemStats(&after)
	return end - start, after.Mallocs - before.Mallocs, err
}

func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// ratio is how many times a is b.
func ratio(a, b cost) float64 { return a.quartile() / b.quartile() }

// quartile is the first quartile of the times.
func (c cost) quartile() float64 {
	sorted := slices.Sorted(slices.Values(c.times))
	return sorted[len(sorted)/4]
}
