package access

import (
	"net/url"
	"slices"
	"strings"
)

// call is a row of credentials.tsv that is refused by default and is not a whole
// service: an operation whose signature is a login, or whose response is a credential.
type call struct {
	operation string
	byName    bool // the service is told the name, in X-Amz-Target or Action
	method    string
	path      []string // segments, "{}" for any; the first is empty
	query     *string  // "NAME" or "NAME=VALUE" of a parameter that is there; "" when none is
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

// credentialCalls are the calls of credentials.tsv that a request is or may be,
// as policies name them. Where it cannot be told which operation a request asks
// for, it may be each of its service's.
func (p *Policy) credentialCalls(r *Request, f *attributes) []string {
	var may []string
	if bearerToken(f) {
		may = append(may, "operation.CallWithBearerToken")
	}
	calls := p.calls[r.Service]
	if len(calls) == 0 {
		return may
	}
	paths := ways(f.wire)
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

// byPath tells whether a request asks for what its path says: it names no
// operation, as it would have to for a service that is told one.
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

// couldBe tells whether some receiver could read the call out of a request; it is
// lenient where receivers are. In S3 any path may be a bucket's.
func (c *call) couldBe(f *attributes, paths [][]string, anyPath bool) bool {
	if f.method != c.method || c.query != nil && !c.asks(f.query, looksLike, strings.EqualFold) {
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

// asks tells whether the parameters are those of the call.
func (c *call) asks(query []Field, sameName, sameValue func(got, want string) bool) bool {
	if *c.query == "" {
		return !slices.ContainsFunc(query, func(q Field) bool { return !signatureParameter(q.Name) })
	}
	name, value, valued := strings.Cut(*c.query, "=")
	return slices.ContainsFunc(query, func(q Field) bool {
		return sameName(q.Name, name) && (!valued || sameValue(q.Value, value))
	})
}

// callOf returns what reads the one call of a service out of a path, as the
// service itself does.
func (p *Policy) callOf(service string, f *attributes) func(part []string) string {
	same := func(got, want string) bool { return got == want }
	return func(part []string) string {
		for _, c := range p.calls[service] {
			if c.byName || c.method != f.method || c.query != nil && !c.asks(f.query, same, same) {
				continue
			}
			if slices.EqualFunc(c.path, part, func(want, got string) bool { return want == got || want == "{}" && got != "" }) {
				return c.operation
			}
		}
		return ""
	}
}

// bearerToken tells whether a request could be taken for the one that, presigned
// for whatever service, is an API key.
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

// bearerTokenOperation is CallWithBearerToken where the request names that in
// the one right way and nothing else.
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
