package endpoints

import (
	"fmt"
	"strings"
)

// Quirks are how a service differs from plain Signature Version 4. The zero value is
// the plain service: path normalized and encoded twice, no x-amz-content-sha256 needed, session
// token signed.
type Quirks struct {
	S3Style                bool // the path is encoded once and never normalized
	ContentSHA256          bool // x-amz-content-sha256 must be sent and signed
	UnsignedPayloadOnly    bool // its value must be UNSIGNED-PAYLOAD
	UnsignedPayloadAllowed bool // its value may be UNSIGNED-PAYLOAD, over https
	UnsignedPayloadPartly  bool // some calls accept UNSIGNED-PAYLOAD and others reject it, and which is not documented
	ContentLengthUnsigned  bool // content-length must not be signed
	TokenAppended          bool // the session token is added to a presigned URL after signing
	UpgradePresigned       bool // a WebSocket is opened with a presigned URL, not with signed headers
	SigV4aOnly             bool // rejects Signature Version 4
	SigV4aPreferred        bool // AWS's own clients try Signature Version 4a first; Version 4 is accepted
	SigV4aAllowed          bool // accepts Signature Version 4a as well
}

// QuirksOf returns the quirks of a service named by the caller. Some hosts of a service have more
// quirks than the service; [Infer] returns those.
func QuirksOf(service string) Quirks { return facts().quirks[service] }

// NeverSigned reports whether the service rejects signatures that cover a header, named in lower
// case.
func (q Quirks) NeverSigned(header string) bool {
	return q.ContentLengthUnsigned && header == "content-length"
}

func (t *table) addQuirks(service string, words []string) error {
	var q Quirks
	for _, word := range words {
		switch word {
		case "s3-style":
			q.S3Style = true
		case "content-sha256":
			q.ContentSHA256 = true
		case "unsigned-payload":
			q.UnsignedPayloadAllowed = true
		case "unsigned-payload-only":
			q.UnsignedPayloadOnly, q.UnsignedPayloadAllowed = true, true
		case "unsigned-payload-partly":
			q.UnsignedPayloadPartly = true
		case "content-length-unsigned":
			q.ContentLengthUnsigned = true
		case "token-appended":
			q.TokenAppended = true
		case "upgrade-presigned":
			q.UpgradePresigned = true
		case "sigv4a-only":
			q.SigV4aOnly, q.SigV4aAllowed = true, true
		case "sigv4a-preferred":
			q.SigV4aPreferred, q.SigV4aAllowed = true, true
		case "sigv4a-optional":
			q.SigV4aAllowed = true
		default:
			return fmt.Errorf("unknown quirk %q", word)
		}
	}
	t.quirks[service] = q
	return nil
}

// Call holds the parts of a request that identify its operation.
type Call struct {
	Method string
	Path   string // in wire form
	Target string // the header X-Amz-Target
	Action string // the parameter Action of the query or form
}

// Operation is an operation that is signed differently from the rest of its service.
type Operation struct {
	Name            string // AWS's name for it, such as "AssumeRoleWithSAML"
	Unsigned        bool   // accepts no signature, and needs none
	UnsignedPayload bool   // accepts UNSIGNED-PAYLOAD over https
}

type operation struct {
	Operation
	method, path, target, action string
}

// OperationOf returns the call's operation if it is signed differently from the rest of its
// service, and the zero Operation otherwise.
func OperationOf(service string, c Call) Operation {
	for _, o := range facts().operations[service] {
		switch {
		case o.method != c.Method:
		case o.target != "" && o.target == c.Target,
			o.action != "" && o.action == c.Action,
			o.path != "" && matchPath(o.path, c.Path):
			return o.Operation
		}
	}
	return Operation{}
}

func (t *table) addOperation(f []string) error {
	service, name, ok := strings.Cut(f[0], " ")
	if !ok {
		return fmt.Errorf("no operation in %q", f[0])
	}
	o := operation{Operation: Operation{Name: name, Unsigned: f[1] == "unsigned", UnsignedPayload: f[1] == "unsigned-payload"}, method: f[2]}
	if target, ok := strings.CutPrefix(f[3], "target="); ok {
		o.target = target
	} else if action, ok := strings.CutPrefix(f[3], "action="); ok {
		o.action = action
	} else {
		o.path = f[3]
	}
	t.operations[service] = append(t.operations[service], o)
	return nil
}

// matchPath matches a path in wire form against a template from AWS's models, in which {name}
// stands for one segment and {name+} for the rest.
func matchPath(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	for i, w := range want {
		switch {
		case i == len(got):
			return false
		case strings.HasSuffix(w, "+}"):
			return got[i] != ""
		case got[i] == w:
		case got[i] == "" || !strings.HasPrefix(w, "{"):
			return false
		}
	}
	return len(got) == len(want)
}
