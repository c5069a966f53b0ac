// Package measure is shared by the benchmarks of whole servers: it runs a server in its own process, measures the
// processor time and memory that it uses, and provides clients that are so cheap that they hardly disturb it.
//
// It reads /proc, so it works only on Linux.
package measure

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Process is a server in its own process.
type Process struct {
	Address string
	command *exec.Cmd
	proc    string
}

// Start runs a command. It returns at once if the address is known; otherwise the command must print it as its first
// line.
func Start(command *exec.Cmd, address string) (*Process, error) {
	p := &Process{Address: address, command: command}
	if command.Stderr == nil {
		command.Stderr = os.Stderr
	}
	if address != "" {
		return p, p.start()
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	p.Address = strings.TrimSpace(line)
	return p, err
}

func (p *Process) start() error {
	if err := p.command.Start(); err != nil {
		return err
	}
	p.proc = fmt.Sprintf("/proc/%d/", p.command.Process.Pid)
	return nil
}

// Stop kills the process and waits for its end.
func (p *Process) Stop() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// Peak returns the peak resident memory since [Process.ResetPeak], in MiB; 0 if the system does not report it.
func (p *Process) Peak() float64 {
	mib, _ := PeakOf(p.command.Process.Pid)
	return mib
}

// Resident returns the resident memory, in MiB; 0 if the system does not report it.
func (p *Process) Resident() float64 {
	mib, _ := memory(p.command.Process.Pid, "VmRSS:")
	return mib
}

// PeakOf returns the peak resident memory of a process so far, in MiB.
func PeakOf(pid int) (mib float64, err error) { return memory(pid, "VmHWM:") }

// ResetPeak resets the value that Peak reports.
func (p *Process) ResetPeak() { _ = os.WriteFile(p.proc+"clear_refs", []byte("5"), 0) }

func memory(pid int, name string) (mib float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), name)
	line, _, _ := strings.Cut(rest, "kB")
	kib, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return kib / 1024, err
}

// Median returns the median of a list, which it sorts.
func Median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
