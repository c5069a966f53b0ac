package handlers

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"countersign/broker"
	"countersign/internal/appendjson"
	"countersign/signing"

	"github.com/go-json-experiment/json"
)

// signedResponse is the response to a request to sign or presign: the request to send, and what it was signed with.
type signedResponse struct {
	*broker.Result
	output      output
	warnings    []warning
	explanation []byte // as JSON; nil if not requested
	bodyForms   bodyForms
	scopeSource string
	options     usedOptions
}

func newSignedResponse(s *broker.Result) *signedResponse {
	a := &signedResponse{Result: s, warnings: warningsOf(s.Warnings), scopeSource: scopeSource(s), options: optionsOf(s)}
	if s.Body.Present {
		a.bodyForms = bodyForms{text: s.Body.Text, encoded: !s.Body.Text, enveloped: true}
	}
	return a
}

// explain adds how the signature was made, if the caller asked for it.
func (a *signedResponse) explain(e *explanation) (err error) {
	if e != nil {
		a.explanation, err = json.Marshal(e, json.Deterministic(true))
	}
	return err
}

// appendTo writes the fields.
func (a *signedResponse) appendTo(o *appendjson.Object) {
	if a.output.short {
		a.appendShort(o)
		return
	}
	o.Text("method", a.Method)
	o.Text("url", a.URL)
	o.Object("headers", a.appendHeaders)
	a.appendHeaderList(o)
	if a.Authorization != "" { // otherwise it is in the URL
		o.Text("authorization", a.Authorization)
		o.Text("xAmzDate", a.Date)
		o.TextIfAny("xAmzSecurityToken", a.header("x-amz-security-token"))
		o.TextIfAny("xAmzContentSha256", a.header("x-amz-content-sha256"))
	}
	a.bodyForms.appendTo(o, a.Body.Bytes, a.MediaType)
	o.Text("payloadSha256", a.PayloadHash)
	o.Text("service", a.Scope.Service)
	o.Text("region", a.Scope.Region)
	o.Text("algorithm", string(a.Algorithm))
	o.Text("scopeSource", a.scopeSource)
	o.Object("options", a.options.appendTo)
	o.Texts("signedHeaders", a.SignedHeaders)
	o.Time("signedAt", a.SignedAt)
	if a.Authorization == "" {
		o.Int("expiresInSeconds", int64(a.Expires/time.Second))
	}
	o.Time("expiresAt", a.ExpiresAt)
	o.Text("accessKeyId", a.AccessKeyID)
	o.TextIfAny("profile", a.Profile)
	a.appendNotes(o)
}

// appendShort writes what a client needs to send the request.
func (a *signedResponse) appendShort(o *appendjson.Object) {
	o.Text("method", a.Method)
	o.Text("url", a.URL)
	o.Object("headers", a.appendHeaders)
	a.bodyForms.appendTo(o, a.Body.Bytes, a.MediaType)
	o.Time("expiresAt", a.ExpiresAt)
	a.appendNotes(o)
}

func (a *signedResponse) appendNotes(o *appendjson.Object) {
	o.Objects("warnings", len(a.warnings), func(o *appendjson.Object, i int) {
		w := &a.warnings[i]
		o.Text("code", w.Code)
		o.Text("message", w.Message)
		o.TextIfAny("pointer", w.Pointer)
	})
	if a.explanation != nil {
		o.Raw("explanation", a.explanation)
	}
}

// appendHeaders writes the headers by name; of several with the same name, the last.
func (a *signedResponse) appendHeaders(o *appendjson.Object) {
	var space [16]signing.Header
	byName := append(space[:0], a.Headers...)
	slices.SortStableFunc(byName, func(a, b signing.Header) int { return cmp.Compare(a.Name, b.Name) })
	for i, h := range byName {
		if i+1 == len(byName) || byName[i+1].Name != h.Name {
			o.Member(h.Name, h.Value)
		}
	}
}

func (a *signedResponse) appendHeaderList(o *appendjson.Object) {
	o.Objects("headerList", len(a.Headers), func(o *appendjson.Object, i int) {
		o.Text("name", a.Headers[i].Name)
		o.Text("value", a.Headers[i].Value)
	})
}

// header returns the value of the last header of that name.
func (a *signedResponse) header(name string) (value string) {
	for _, h := range a.Headers {
		if strings.EqualFold(h.Name, name) {
			value = h.Value
		}
	}
	return value
}

// usedOptions says how the request was signed, whether the caller chose that or the service requires it.
type usedOptions struct {
	NormalizePath       bool              `json:"normalizePath"`
	DoubleEncode        bool              `json:"doubleEncode"`
	ContentSHA256Header string            `json:"contentSha256Header"`
	SessionToken        signing.TokenMode `json:"sessionToken"`
}

func (u usedOptions) appendTo(o *appendjson.Object) {
	o.Bool("normalizePath", u.NormalizePath)
	o.Bool("doubleEncode", u.DoubleEncode)
	o.Text("contentSha256Header", u.ContentSHA256Header)
	o.Text("sessionToken", string(u.SessionToken))
}

func optionsOf(s *broker.Result) usedOptions {
	used := usedOptions{NormalizePath: s.Normalized, DoubleEncode: s.DoubleEncode, ContentSHA256Header: "never", SessionToken: s.Token}
	if s.ContentSHA256Header {
		used.ContentSHA256Header = "always"
	}
	return used
}

func scopeSource(s *broker.Result) string {
	if s.Inferred {
		return "inferred"
	}
	return "explicit"
}
