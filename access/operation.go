package access

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
)

// operation returns the one AWS operation that a request names, or "". It is read only where the service itself reads
// it. A request that could name a second operation anywhere names none.
func (p *Policy) operation(a Action, r *Request, f *attributes) string {
	switch {
	case bearerToken(f):
		return bearerTokenOperation(r, f)
	case s3Family(r.Service) && controlHost(f.host) != "":
		return f.operationInPath(p.callOf(r.Service, f))
	case s3Family(r.Service):
		if a == ActionPostPolicy {
			return "PostObject"
		}
		return p.s3Operation(f)
	case r.Service == "execute-api":
		return f.operationInPath(executeOperation)
	case r.Service == "lambda":
		return f.operationInPath(func(part []string) string { return lambdaOperation(f, part) })
	case r.Service == "bedrock":
		return f.operationInPath(func(part []string) string { return bedrockOperation(f, part) })
	}
	if operation := f.operationInPath(p.callOf(r.Service, f)); operation != "" {
		return operation
	}
	service, known := p.protocols[r.Service]
	if !known || f.path == "" {
		return ""
	}
	return service.operation(r, f)
}

// operationInPath returns the operation that read finds in the path, or "" if receivers that read the path in another
// way could find a different one.
func (f *attributes) operationInPath(read func(part []string) string) string {
	if f.path != "" {
		return read(strings.Split(f.path, "/"))
	}
	operation := ""
	for i, way := range pathReadings(f.wire) {
		found := read(way)
		switch {
		case i == 0:
			operation = found
		case found != "" && found != operation:
			return ""
		}
	}
	return operation
}

// protocol is how requests to a service name their operation.
type protocol struct {
	query   bool
	targets []string
}

func (s protocol) operation(r *Request, f *attributes) string {
	var named []string // every operation that the request names anywhere
	for _, h := range f.headers {
		if h.Name == "x-amz-target" {
			named = append(named, s.fromTarget(strings.TrimSpace(h.Value), f))
		}
	}
	byTarget := len(named)
	for _, q := range f.query {
		if looksLike(q.Name, "x-amz-target") {
			return ""
		}
		if looksLike(q.Name, "action") {
			named = append(named, s.fromAction(q.Name, q.Value))
		}
	}
	inQuery := len(named) > byTarget
	rest, cbor := strings.CutPrefix(f.path, "/service/")
	switch {
	case cbor:
		name, op, _ := strings.Cut(rest, "/operation/")
		if f.method != "POST" || !slices.Contains(s.targets, name) {
			return ""
		}
		named = append(named, op)
	case f.header("smithy-protocol") != "", f.path != "/" && r.Service != "sqs": // SQS takes a queue's path
		return ""
	}
	if s.query {
		inBody, kind := s.fromBody(r, cbor)
		if kind == bodyUnknown || kind == bodyOther && inQuery || !fits(kind, f.header("content-type")) {
			return ""
		}
		named = append(named, inBody...)
	}
	return onlyOne(named)
}

func onlyOne(named []string) string {
	if len(named) != 1 || !operationName(named[0]) {
		return ""
	}
	return named[0]
}

// fromTarget reads the operation from X-Amz-Target: a prefix of the service, a dot, the operation.
func (s protocol) fromTarget(value string, f *attributes) string {
	dot := strings.LastIndexByte(value, '.')
	if dot < 0 || f.method != "POST" || !slices.Contains(s.targets, value[:dot]) {
		return ""
	}
	return value[dot+1:]
}

// fromAction reads the operation from a parameter that some parser could take for Action. Only the exact spelling names
// an operation.
func (s protocol) fromAction(name, value string) string {
	if name != "Action" || !s.query {
		return ""
	}
	return value
}

// maxFormPairs limits the cost of looking for Action in a body. AWS accepts no form with nearly as many pairs.
const maxFormPairs = 10_000

// The kinds of body that a service with the query protocol may receive.
const (
	bodyUnknown = iota // it could name any operation, or none
	bodyNone
	bodyForm
	bodyOther // JSON or CBOR: the operation is named elsewhere
)

// fits reports whether a body is of the kind that its content type says. Some services go by the content type, others
// by the body itself.
func fits(kind int, contentType string) bool {
	contentType = strings.ToLower(contentType)
	form := strings.Contains(contentType, "x-www-form-urlencoded")
	switch kind {
	case bodyForm:
		return form || !strings.ContainsAny(contentType, "/") || strings.HasPrefix(contentType, "text/plain")
	case bodyOther:
		return !form
	}
	return true
}

// fromBody returns the operations that the body of a query-protocol request names, and the kind of body. The kind is
// unknown if the caller kept the body, and if the body is neither a form nor JSON, nor CBOR with a path that says so.
func (s protocol) fromBody(r *Request, cbor bool) (operations []string, kind int) {
	if r.Payload != PayloadSigned {
		return nil, bodyUnknown
	}
	body := bytes.TrimSpace(r.Body)
	switch {
	case len(body) == 0:
		return nil, bodyNone
	case cbor && body[0]&0xe0 == 0xa0: // a CBOR map, and no letter of a form
		return nil, bodyOther
	}
	form := body[0] != '{'
	clear := eachPair(body, func(name, value string, decoded bool) bool {
		if form && (!decoded || name == "" || !allBytes(name, formName)) {
			return false
		}
		if !looksLike(name, "action") {
			return true
		}
		op, err := url.QueryUnescape(value)
		operations = append(operations, s.fromAction(name, op))
		return err == nil && form
	})
	switch {
	case !clear:
		return nil, bodyUnknown
	case form:
		return operations, bodyForm
	}
	return operations, bodyOther
}

// eachPair calls look with the pairs of a form, their names decoded if possible, and reports whether look accepted them
// all.
func eachPair(form []byte, look func(name, value string, decoded bool) bool) bool {
	for pairs := 0; len(form) > 0; pairs++ {
		if pairs == maxFormPairs {
			return false
		}
		var pair []byte
		pair, form, _ = bytes.Cut(form, []byte("&"))
		key, value, _ := bytes.Cut(pair, []byte("="))
		name, err := url.QueryUnescape(string(key))
		if !look(name, string(value), err == nil) {
			return false
		}
	}
	return true
}

func formName(c byte) bool {
	return letterOrDigit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '/'
}

// looksLike reports whether some parser could take name for want, despite another case, surrounding blanks or an
// array's trailing brackets.
func looksLike(name, want string) bool {
	if i := strings.IndexAny(name, "[;,\x00"); i >= 0 {
		name = name[:i]
	}
	return strings.EqualFold(strings.TrimSpace(name), want)
}

// operationName reports whether s has the form of AWS operation names: a capital letter, then letters and digits, not
// all of them capitals.
func operationName(s string) bool {
	return s != "" && len(s) <= 128 && 'A' <= s[0] && s[0] <= 'Z' && allBytes(s, letterOrDigit) && s != strings.ToUpper(s)
}

func letterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// executeOperation returns which of the two permissions of an API a request needs (API Gateway Developer Guide,
// "Control access to an API with IAM permissions").
func executeOperation(part []string) string {
	for _, segment := range part[:len(part)-1] {
		if segment == "@connections" {
			return "ManageConnections"
		}
	}
	return "Invoke"
}

// lambdaOperation recognizes the calls that invoke a function (Lambda API reference, "Invoke",
// "InvokeWithResponseStream"). Function URLs have their own hosts.
func lambdaOperation(f *attributes, part []string) string { // "", version, functions, name, what
	if strings.Contains(f.host, ".lambda-url.") && strings.HasSuffix(f.host, ".on.aws") {
		return "InvokeFunctionUrl"
	}
	if len(part) != 5 || part[2] != "functions" || part[3] == "" || f.method != "POST" {
		return ""
	}
	switch part[1] + " " + part[4] {
	case "2015-03-31 invocations":
		return "Invoke"
	case "2021-11-15 response-streaming-invocations":
		return "InvokeWithResponseStream"
	}
	return ""
}

// bedrockOperation recognizes the calls that run a model (Bedrock Runtime API reference).
func bedrockOperation(f *attributes, part []string) string { // "", model, id, what
	if len(part) != 4 || part[1] != "model" || part[2] == "" || f.method != "POST" {
		return ""
	}
	switch part[3] {
	case "invoke":
		return "InvokeModel"
	case "invoke-with-response-stream":
		return "InvokeModelWithResponseStream"
	case "converse":
		return "Converse"
	case "converse-stream":
		return "ConverseStream"
	case "count-tokens":
		return "CountTokens"
	}
	return ""
}
