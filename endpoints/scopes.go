package endpoints

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// WriteScopes reads hosts and URLs, one per line, and writes a line for each, in the same order:
//
//	input<TAB>service<TAB>region<TAB>algorithm<TAB>note
//
// The algorithm is sigv4, sigv4a, bearer for a service that accepts only bearer tokens, or none for
// a host that must not be signed or is not recognized. An empty column is "-". The region is also
// "-" if the host does not name it and the caller must, and "*" for all regions. The note is one
// sentence. A tab in the input becomes a space in the output.
//
// It fails only if r or w does, or if a line is longer than 64 KiB.
func WriteScopes(w io.Writer, r io.Reader) error {
	lines := bufio.NewScanner(r)
	out := bufio.NewWriterSize(w, 1<<16)
	var buf []byte
	for lines.Scan() {
		buf = appendScope(buf[:0], strings.TrimSuffix(lines.Text(), "\r"))
		if _, err := out.Write(buf); err != nil {
			return fmt.Errorf("writing scopes: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return errors.Join(fmt.Errorf("reading hosts: %w", err), out.Flush())
	}
	return out.Flush()
}

func appendScope(buf []byte, line string) []byte {
	service, region, algorithm, note := "-", "-", "none", ""
	host, path := splitURL(line)
	s, inferErr := facts().infer(host, path)
	switch {
	case inferErr == nil && s.Algorithm == SigV4a:
		service, region, algorithm, note = s.Service, strings.Join(s.RegionSet, ","), "sigv4a", s.Why
	case inferErr == nil:
		service, region, algorithm, note = s.Service, s.Region, "sigv4", s.Why
	case inferErr.Service != "" && inferErr.Kind == NoSigV4:
		service, algorithm, note = inferErr.Service, "bearer", inferErr.Reason
	case inferErr.Service != "":
		service, algorithm, note = inferErr.Service, "sigv4", inferErr.Reason
	default:
		note = inferErr.Reason
	}
	for _, column := range [...]string{strings.ReplaceAll(line, "\t", " "), service, region, algorithm} {
		buf = append(append(buf, column...), '\t')
	}
	return append(append(buf, note...), '\n')
}

// splitURL returns the host and path of a URL or a bare host. It checks nothing: if it reads a host
// wrongly, the result contains characters that [Infer] rejects.
func splitURL(s string) (host, path string) {
	s = strings.TrimSpace(s)
	if scheme, rest, ok := strings.Cut(s, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		s = rest
	}
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}
