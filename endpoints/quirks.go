package endpoints

import (
	"fmt"
	"strings"
)

// Quirks are how a service differs from plain Signature Version 4. The zero
// value is the plain service: path normalised and encoded twice, no
// x-amz-content-sha256 needed, session token signed.
type Quirks struct {
	S3Style                bool // the path is encoded once and never normalised
	ContentSHA256          bool // x-amz-content-sha256 must be sent and signed
	UnsignedPayloadOnly    bool // its value must be UNSIGNED-PAYLOAD
	UnsignedPayloadAllowed bool // its value may be UNSIGNED-PAYLOAD, over https
	UnsignedPayloadPartly  bool // some calls take UNSIGNED-PAYLOAD and others refuse it, and which is not documented
	ContentLengthUnsigned  bool // content-length must stay out of the signature
	TokenAppended          bool // the session token joins a presigned URL after signing
	UpgradePresigned       bool // a WebSocket is opened by a presigned URL, not by a signature in headers
	SigV4aOnly             bool // refuses Signature Version 4
	SigV4aPreferred        bool // AWS's own clients try Signature Version 4a first; 4 is accepted
	SigV4aAllowed          bool // takes Signature Version 4a too
}

// QuirksOf tells what hangs on a signing name, for a service that the caller
// named. Some hosts of a service ask for more than the service does: [Infer]
// knows those.
func QuirksOf(service string) Quirks { return facts().quirks[service] }

// NeverSigned says whether the service refuses signatures that hold a header,
// whose name is in lower case.
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

// Call is what of a request names its operation.
type Call struct {
	Method string
	Path   string // in wire form
	Target string // the header X-Amz-Target
	Action string // the parameter Action of query or form
}

// Operation is one that departs from its service's way of signing.
type Operation struct {
	Name            string // AWS's name for it, as in "AssumeRoleWithSAML"
	Unsigned        bool   // takes no signature, and needs none
	UnsignedPayload bool   // takes UNSIGNED-PAYLOAD over https
}

type operation struct {
	Operation
	method, path, target, action string
}

// OperationOf finds the call among the operations that depart from their
// service's way of signing; the zero Operation means that it is not one.
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

// matchPath matches a path in wire form with a template of AWS's models, where
// {name} stands for one segment and {name+} for the rest.
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
