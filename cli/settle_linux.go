package cli

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// unmapProgram takes the pages of the program's file out of the memory of the process, of which a start touches nearly all
// and answers a tenth. They stay in the system's cache, from where those that are used come back by themselves.
func unmapProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	mappings, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range unchangedMappings(mappings, program) {
		// An error leaves the pages where they are.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.begin, m.end-m.begin, syscall.MADV_DONTNEED)
	}
}

type mapping struct{ begin, end uintptr }

// unchangedMappings are those of a file that nobody may write to and nobody has written to: the loader writes addresses into
// some before they become read-only, and these exist nowhere else.
func unchangedMappings(smaps []byte, file string) (list []mapping) {
	var of mapping
	found := false
	for lines := bufio.NewScanner(bytes.NewReader(smaps)); lines.Scan(); {
		line := lines.Text()
		if next, isHead := readMapping(line); isHead {
			of, found = next, strings.HasSuffix(line, " "+file) && !strings.Contains(line[:strings.LastIndex(line, file)], "w")
			continue
		}
		if found && strings.HasPrefix(line, "Anonymous:") && strings.HasSuffix(line, " 0 kB") {
			list = append(list, of)
		}
	}
	return list
}

// readMapping reads the line that begins what is said of a mapping.
func readMapping(line string) (m mapping, isHead bool) {
	begin, rest, found := strings.Cut(line, "-")
	if !found {
		return m, false
	}
	end, _, _ := strings.Cut(rest, " ")
	from, beginErr := strconv.ParseUint(begin, 16, 64)
	to, endErr := strconv.ParseUint(end, 16, 64)
	return mapping{uintptr(from), uintptr(to)}, beginErr == nil && endErr == nil
}
