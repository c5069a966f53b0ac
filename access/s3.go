package access

import (
	"slices"
	"strings"

	"countersign/endpoints"
)

// s3Operation returns the operation of an S3 request, or "" if a parameter is unknown, if several select an operation,
// or if it is unclear whether the host includes the bucket.
func (p *Policy) s3Operation(f *attributes) string {
	level := s3Level(f.host, f.path)
	if level == "" {
		return ""
	}
	selector := "-"
	for i, q := range f.query {
		if slices.ContainsFunc(f.query[:i], func(o Field) bool { return o.Name == q.Name }) {
			return ""
		}
		switch {
		case q.Name != "-" && p.s3Selectors[q.Name] && !(q.Name == "list-type" && q.Value != "2"):
			if selector != "-" {
				return ""
			}
			selector = q.Name
		case !slices.Contains(s3Modifiers, q.Name) && !strings.HasPrefix(q.Name, "response-"):
			return ""
		}
	}
	op := p.s3Operations[[3]string{level, f.method, selector}]
	copied := slices.ContainsFunc(f.headers, func(h Field) bool { return h.Name == "x-amz-copy-source" })
	switch {
	case copied && op == "PutObject":
		return "CopyObject"
	case copied && op == "UploadPart":
		return "UploadPartCopy"
	case copied:
		return ""
	}
	return op
}

// s3Level returns whether a path names the service, a bucket or an object. The host is read from the right, because a
// bucket's name may have dots and look like a service (S3 User Guide, "Virtual hosting of general purpose buckets").
func s3Level(host, path string) string {
	if path == "" || strings.Contains(host, ".vpce.") || !endpoints.IsAWS(host) {
		return ""
	}
	at, _ := s3Label(host)
	if at < 0 {
		return ""
	}
	rest := strings.TrimPrefix(path, "/")
	if at == 0 {
		bucket, key, _ := strings.Cut(rest, "/")
		if bucket == "" {
			if key != "" {
				return ""
			}
			return "service"
		}
		rest = key
	}
	if rest == "" {
		return "bucket"
	}
	return "object"
}

// s3Label finds the last label of a host that names S3, and its offset: -1 if there is none.
func s3Label(host string) (at int, label string) {
	for end := len(host); end >= 0; end = at - 1 {
		at = strings.LastIndexByte(host[:end], '.') + 1
		label = host[at:end]
		if label == "s3" || strings.HasPrefix(label, "s3-") || strings.HasPrefix(label, "s3express-") {
			return at, label
		}
	}
	return -1, ""
}

// controlHost returns what a policy must name to permit a request to this host of the S3 control plane, or "" for other
// hosts. The control plane is signed like S3, but requests to it mean something else (S3 API reference, "Amazon S3
// Control", "Amazon S3 on Outposts"). The host may also be a string that a policy compares with.
func controlHost(host string) string {
	at, label := s3Label(host)
	switch {
	case at < 0:
	case strings.HasPrefix(label, "s3-control"), isControlEndpoint(host[:at]):
		return "host.s3-control"
	case strings.HasPrefix(label, "s3express-control"):
		return "host.s3express-control"
	case at == 0 && strings.HasPrefix(label, "s3-outposts"):
		return "host.s3-outposts"
	}
	return ""
}

// isControlEndpoint reports whether the labels before the S3 label name a VPC endpoint of the control plane:
// "control.vpce-….".
func isControlEndpoint(before string) bool {
	before, dotted := strings.CutSuffix(before, ".")
	of, endpoint := before[:max(0, strings.LastIndexByte(before, '.'))], before[strings.LastIndexByte(before, '.')+1:]
	return dotted && strings.HasPrefix(endpoint, "vpce-") && (of == "control" || strings.HasSuffix(of, ".control"))
}

// s3Modifiers are parameters that shape a response or continue a list. They select no operation.
var s3Modifiers = []string{
	"bucket-region", "continuation-token", "delimiter", "encoding-type", "fetch-owner", "id", "key-marker",
	"marker", "list-type", "max-buckets", "max-keys", "max-parts", "max-uploads", "partNumber", "part-number-marker",
	"prefix", "select-type", "start-after", "upload-id-marker", "version-id-marker", "versionId", "x-id",
}

// sensitiveS3Fields returns the parameters, headers and hosts that make an S3 request do more than read, write or list:
// all that are not known to be plain.
func sensitiveS3Fields(a Action, f *attributes) []string {
	var fields []string
	if control := controlHost(f.host); control != "" {
		fields = append(fields, control)
	}
	for _, q := range f.query {
		if !slices.Contains(s3PlainQuery, q.Name) && !strings.HasPrefix(q.Name, "response-") {
			fields = append(fields, "query."+q.Name)
		}
	}
	for _, h := range f.headers {
		plain := slices.Contains(s3PlainHeaders, h.Name) || strings.HasPrefix(h.Name, "x-amz-meta-") ||
			strings.HasPrefix(h.Name, "x-amz-checksum-")
		switch {
		case plain:
		case a == ActionPostPolicy && !slices.Contains(s3PlainForm, h.Name), strings.HasPrefix(h.Name, "x-amz-"):
			fields = append(fields, "header."+h.Name)
		}
	}
	return fields
}

var s3PlainQuery = []string{
	"continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type", "marker",
	"max-keys", "max-parts", "max-uploads", "partNumber", "part-number-marker", "prefix", "start-after",
	"upload-id-marker", "uploadId", "uploads", "x-id",
}

var s3PlainHeaders = []string{
	"x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-expected-bucket-owner",
	"x-amz-request-payer", "x-amz-sdk-checksum-algorithm", "x-amz-security-token", "x-amz-server-side-encryption",
	"x-amz-storage-class", "x-amz-trailer", "x-amz-user-agent",
}

// s3PlainForm are the upload form fields that do not affect permissions (S3 API reference, "POST Object").
var s3PlainForm = []string{
	"bucket", "cache-control", "content-disposition", "content-encoding", "content-type", "expires", "key",
	"policy", "success_action_status", "x-amz-algorithm", "x-amz-credential", "x-amz-signature",
}
