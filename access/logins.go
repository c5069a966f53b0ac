package access

import (
	"net/url"
	"slices"
	"strings"
)

// call is a row of credentials.tsv that is refused by default and is not a whole service: an operation whose signature
// is a login or whose response is a credential.
type call struct {
	operation string
	byName    bool // the request names the operation in X-Amz-Target or Action
	method    string
	path      []string // segments, "{}" matches any; the first is empty
	query     *string  // "NAME" or "NAME=VALUE" of a required parameter; "" if there must be none
}

func newCall(operation, request string) call {
	if request == "target" || request == "action" {
		return call{operation: operation, byName: true}
	}
	c := call{operation: operation}
	var path string
	c.method, path, _ = strings.Cut(request, " ")
	path, query, found := strings.Cut(path, "?")
	if found {
		c.query = &query
	}
	c.path = strings.Split(path, "/")
	return c
}

// credentialCalls returns the calls in credentials.tsv that a request is or may be, by the names that policies use. If
// the request's operation cannot be determined, it may be any of its service's calls.
func (p *Policy) credentialCalls(r *Request, f *attributes) []string {
	var may []string
	if bearerToken(f) {
		may = append(may, "operation.CallWithBearerToken")
	}
	calls := p.calls[r.Service]
	if len(calls) == 0 {
		return may
	}
	paths := pathReadings(f.wire)
	elsewhere := !p.protocols[r.Service].query && byPath(f, paths)
	for _, c := range calls {
		var is bool
		switch {
		case !c.byName:
			is = c.couldBe(f, paths, s3Family(r.Service) && controlHost(f.host) == "")
		case f.operation != "":
			is = strings.EqualFold(f.operation, c.operation)
		default:
			is = !elsewhere
		}
		if !is {
			continue
		}
		if name := "operation." + c.operation; !slices.Contains(may, name) {
			may = append(may, name)
		}
	}
	return may
}

// byPath reports whether the path determines the operation: the request names none, as it would have to for a service
// that takes the operation's name.
func byPath(f *attributes, paths [][]string) bool {
	for _, path := range paths {
		if len(path) < 2 || path[1] == "" || path[1] == "service" {
			return false
		}
	}
	named := f.header("x-amz-target") != "" || slices.ContainsFunc(f.query, func(q Field) bool {
		return looksLike(q.Name, "x-amz-target") || looksLike(q.Name, "action")
	})
	return len(paths) > 0 && !named
}

// couldBe reports whether some receiver could read the call out of a request. It is as lenient as receivers are. In S3,
// any path may be a bucket's.
func (c *call) couldBe(f *attributes, paths [][]string, anyPath bool) bool {
	if f.method != c.method || c.query != nil && !c.matchesQuery(f.query, looksLike, strings.EqualFold) {
		return false
	}
	if anyPath {
		return c.query != nil
	}
	if len(paths) == 0 {
		return true
	}
	empty := func(segment string) bool { return segment == "" }
	want := slices.DeleteFunc(slices.Clone(c.path), empty)
	return slices.ContainsFunc(paths, func(path []string) bool {
		return slices.EqualFunc(want, slices.DeleteFunc(slices.Clone(path), empty), func(want, got string) bool {
			return want == "{}" || strings.EqualFold(want, got)
		})
	})
}

// matchesQuery reports whether the parameters are those of the call.
func (c *call) matchesQuery(query []Field, sameName, sameValue func(got, want string) bool) bool {
	if *c.query == "" {
		return !slices.ContainsFunc(query, func(q Field) bool { return !signatureParameter(q.Name) })
	}
	name, value, valued := strings.Cut(*c.query, "=")
	return slices.ContainsFunc(query, func(q Field) bool {
		return sameName(q.Name, name) && (!valued || sameValue(q.Value, value))
	})
}

// callOf returns a function that finds a service's call by its path, as the service itself does.
func (p *Policy) callOf(service string, f *attributes) func(part []string) string {
	same := func(got, want string) bool { return got == want }
	return func(part []string) string {
		for _, c := range p.calls[service] {
			if c.byName || c.method != f.method || c.query != nil && !c.matchesQuery(f.query, same, same) {
				continue
			}
			if slices.EqualFunc(c.path, part, func(want, got string) bool { return want == got || want == "{}" && got != "" }) {
				return c.operation
			}
		}
		return ""
	}
}

// bearerToken reports whether a request could be taken for CallWithBearerToken, which, presigned for any service, is an
// API key.
func bearerToken(f *attributes) bool {
	const name = "callwithbearertoken"
	return slices.ContainsFunc(f.query, func(q Field) bool {
		if len(q.Name)+len(q.Value) < len(name) {
			return false
		}
		text := q.Name + "=" + q.Value
		for strings.Contains(text, "%") {
			next, err := url.PathUnescape(text)
			if err != nil || next == text {
				break
			}
			text = next
		}
		return strings.Contains(strings.ToLower(text), name)
	})
}

// bearerTokenOperation returns CallWithBearerToken if the request names it in the one correct way and names nothing
// else.
func bearerTokenOperation(r *Request, f *attributes) string {
	actions := 0
	for _, q := range f.query {
		if looksLike(q.Name, "action") {
			actions++
		}
	}
	exact := slices.Contains(f.query, Field{"Action", "CallWithBearerToken"})
	if !exact || actions != 1 || f.path != "/" || f.header("x-amz-target") != "" || len(r.Body) > 0 {
		return ""
	}
	return "CallWithBearerToken"
}
