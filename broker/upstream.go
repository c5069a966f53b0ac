package broker

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"countersign/access"
	"countersign/signing"
)

// UpstreamHeader is an operator's header that is added to requests to some hosts, such as the key of a usage plan. Its
// value is a secret: callers neither set nor see it, and it is not signed.
type UpstreamHeader struct {
	name  string
	value *string // a pointer, so that fmt prints an address if it does not call Format
	hosts []string
}

// NewUpstreamHeader checks name, value and hosts.
func NewUpstreamHeader(name, value string, hosts []string) (UpstreamHeader, error) {
	h := UpstreamHeader{name: strings.ToLower(name), value: &value}
	var faults []error
	if err := CheckUpstreamName(name); err != nil {
		faults = append(faults, err)
	}
	if value == "" || !isVisible(value) {
		faults = append(faults, errors.New("value must be one line of visible ASCII characters"))
	}
	if len(hosts) == 0 {
		faults = append(faults, errors.New("hosts must name the hosts that get the header"))
	}
	for _, host := range hosts {
		if host == "" || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-_.:[]") != "" {
			faults = append(faults, errors.New("hosts: must be hosts as in a URL, such as a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"))
			continue
		}
		h.hosts = append(h.hosts, strings.ToLower(host))
	}
	return h, errors.Join(faults...)
}

// CheckUpstreamName refuses the names of headers that the operator cannot set.
func CheckUpstreamName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case !isToken(name):
		return errors.New("the name must be a header name, such as x-api-key")
	case lower == "host", setBySigner(lower), setBySender(lower), strings.HasPrefix(lower, "x-amz-"), strings.HasPrefix(lower, "content-"):
		return errors.New("the header is set by signing and sending; only others may be given")
	}
	return nil
}

// Format writes only the name, for every verb.
func (h UpstreamHeader) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.name+": …") }

func isToken(name string) bool {
	const others = "!#$%&'*+-.^_`|~" // RFC 9110, section 5.6.2
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789"+others) == ""
}

func isVisible(value string) bool {
	return strings.IndexFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// chooseUpstreamHeaders selects the operator's headers for the request. The caller's headers of the same names are
// dropped.
func (b *Broker) chooseUpstreamHeaders(_ *Input, op *operation) error {
	if op.action != access.ActionSend {
		return nil
	}
	for _, h := range b.UpstreamHeaders[op.profile] {
		if slices.Contains(h.hosts, op.request.URL.Host()) {
			op.upstream = append(op.upstream, h)
		}
	}
	return nil
}

func (op *operation) isUpstream(name string) bool {
	return slices.ContainsFunc(op.upstream, func(h UpstreamHeader) bool { return h.name == name })
}

// withUpstream returns the headers of a request as it is sent.
func (op *operation) withUpstream(headers []signing.Header) []signing.Header {
	sent := slices.Clone(headers)
	for _, h := range op.upstream {
		sent = append(sent, signing.Header{Name: h.name, Value: *h.value})
	}
	return sent
}
