// Package measure is what the benchmarks of whole servers share: a server in a process of its own, what it takes of
// processor and memory, and clients that cost so little that they hardly disturb it.
//
// It reads /proc, so it is for Linux alone.
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

// Process is a server in a process of its own.
type Process struct {
	Address string
	command *exec.Cmd
	proc    string
}

// Start runs a command. It returns at once where the address is known; else the command prints it as its first line.
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

// Peak is the most MiB that were resident since [Process.ResetPeak]; 0 where the system does not tell.
func (p *Process) Peak() float64 {
	mib, _ := PeakOf(p.command.Process.Pid)
	return mib
}

// Resident is the MiB that are resident now; 0 where the system does not tell.
func (p *Process) Resident() float64 {
	mib, _ := memory(p.command.Process.Pid, "VmRSS:")
	return mib
}

// PeakOf is the most MiB of a process that were resident so far.
func PeakOf(pid int) (mib float64, err error) { return memory(pid, "VmHWM:") }

// ResetPeak has Peak begin again.
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

// Median of a list, which it sorts.
func Median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
