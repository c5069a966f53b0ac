package access

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
)

// operation tells the one AWS operation that a request names, or "". Each
// service is asked only in the ways in which it is told its operation, and every
// second way in which the request could name one makes it "".
func (p *Policy) operation(a Action, r *Request, f *facts) string {
	switch {
	case s3Family(r.Service):
		if a == ActionPostPolicy {
			return "PostObject"
		}
		return p.s3Operation(f)
	case f.path == "":
		return ""
	case r.Service == "execute-api":
		if strings.Contains(f.path, "/@connections/") {
			return "ManageConnections"
		}
		return "Invoke"
	case r.Service == "lambda":
		return lambdaOperation(f)
	case r.Service == "bedrock":
		return bedrockOperation(f)
	}
	service, known := p.protocols[r.Service]
	if !known {
		return ""
	}
	return service.operation(r, f)
}

// protocol is how a service is told its operation, by its signing name.
type protocol struct {
	query   bool
	targets []string
}

func (s protocol) operation(r *Request, f *facts) string {
	var named []string // every operation that the request names anywhere
	for _, h := range f.headers {
		if h.Name == "x-amz-target" {
			named = append(named, s.fromTarget(strings.TrimSpace(h.Value), f))
		}
	}
	for _, q := range f.query {
		if looksLike(q.Name, "x-amz-target") {
			return ""
		}
		if looksLike(q.Name, "action") {
			named = append(named, s.fromAction(q.Name, q.Value))
		}
	}
	if rest, found := strings.CutPrefix(f.path, "/service/"); found {
		name, op, _ := strings.Cut(rest, "/operation/")
		if f.method != "POST" || !slices.Contains(s.targets, name) {
			return ""
		}
		return onlyOne(append(named, op))
	}
	if f.path != "/" && r.Service != "sqs" { // SQS takes the path of a queue
		return ""
	}
	if s.query {
		inBody, told := s.fromBody(r)
		if !told {
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

// fromTarget reads X-Amz-Target: a prefix of the service, a dot, the operation.
func (s protocol) fromTarget(value string, f *facts) string {
	dot := strings.LastIndexByte(value, '.')
	if dot < 0 || f.method != "POST" || !slices.Contains(s.targets, value[:dot]) {
		return ""
	}
	return value[dot+1:]
}

// fromAction reads a parameter that some parser could take for Action; only the
// exact spelling names an operation.
func (s protocol) fromAction(name, value string) string {
	if name != "Action" || !s.query {
		return ""
	}
	return value
}

// maxFormPairs bounds what looking for Action in a body may cost; AWS takes no
// form that comes near.
const maxFormPairs = 10_000

// fromBody reads the operations that the body of a query-protocol request
// names, and whether that can be told at all: a body that stays with the caller
// could name any, and so could one that is neither a form nor JSON.
func (s protocol) fromBody(r *Request) (operations []string, told bool) {
	if r.Payload != PayloadSigned {
		return nil, false
	}
	body := bytes.TrimSpace(r.Body)
	if len(body) == 0 {
		return nil, true
	}
	form := body[0] != '{'
	for pairs := 0; len(body) > 0; pairs++ {
		if pairs == maxFormPairs {
			return nil, false
		}
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte("&"))
		key, value, _ := bytes.Cut(pair, []byte("="))
		name, err := url.QueryUnescape(string(key))
		if form && (err != nil || name == "" || !madeOf(name, formName)) {
			return nil, false
		}
		if !looksLike(name, "action") {
			continue
		}
		op, err := url.QueryUnescape(string(value))
		if err != nil || !form {
			return nil, false
		}
		operations = append(operations, s.fromAction(name, op))
	}
	return operations, true
}

func formName(c byte) bool {
	return letterOrDigit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '/'
}

// looksLike tells whether some parser could take name for want: another case,
// blanks around it, an array's brackets behind it.
func looksLike(name, want string) bool {
	if i := strings.IndexAny(name, "[;,\x00"); i >= 0 {
		name = name[:i]
	}
	return strings.EqualFold(strings.TrimSpace(name), want)
}

// operationName holds for a word as AWS forms operations: a capital, then
// letters and digits, not all of them capitals.
func operationName(s string) bool {
	return s != "" && len(s) <= 128 && 'A' <= s[0] && s[0] <= 'Z' && madeOf(s, letterOrDigit) && s != strings.ToUpper(s)
}

func letterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// lambdaOperation knows the ways to call a function (Lambda API reference,
// "Invoke", "InvokeWithResponseStream"; function URLs have hosts of their own).
func lambdaOperation(f *facts) string {
	if strings.Contains(f.host, ".lambda-url.") && strings.HasSuffix(f.host, ".on.aws") {
		return "InvokeFunctionUrl"
	}
	part := strings.Split(f.path, "/") // "", version, functions, name, what
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

// bedrockOperation knows the calls of a model (Bedrock Runtime API reference).
func bedrockOperation(f *facts) string {
	part := strings.Split(f.path, "/") // "", model, id, what
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
