package broker

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// FormInput is what an upload form must allow. Of its Input, only URL, Region, Profile, Credentials, MinValidity,
// SigningTime and Expires are used. Without a URL, the form goes to the bucket's own address.
type FormInput struct {
	Input
	Bucket, Key          string
	Fields, StartsWith   []signing.Parameter
	MinLength, MaxLength int64
}

// Form is an upload form: the address to post it to, and its fields.
type Form struct {
	URL         string
	Fields      []signing.Header
	Policy      string
	SignedAt    time.Time
	ExpiresAt   time.Time
	AccessKeyID string
	Profile     string
	Warnings    []signing.Warning
}

// PostPolicy makes the fields of a form that uploads directly to S3.
func (b *Broker) PostPolicy(ctx context.Context, call *Call, in *FormInput) (*Form, error) {
	op, policy, err := b.readForm(in)
	if err != nil {
		return nil, err
	}
	return perform(ctx, b, call, op, func() (*Form, signature, error) {
		op.capExpiry()
		policy.Time, policy.Expires, policy.Credentials = op.request.Time, op.request.Expires, op.session.Credentials
		form, err := b.Signer.PostPolicy(policy)
		if err != nil {
			return nil, signature{}, err
		}
		out := &Form{
			URL: op.request.URL.String(), Fields: make([]signing.Header, len(form.Fields)), Policy: op.session.Credentials.Redact(form.Policy),
			SignedAt: op.request.Time, ExpiresAt: op.request.Time.Add(op.request.Expires), AccessKeyID: op.session.Credentials.AccessKeyID,
			Profile: op.session.Profile, Warnings: op.warnings,
		}
		for i, f := range form.Fields {
			out.Fields[i] = signing.Header(f)
		}
		return out, signature{value: form.Signature}, nil
	})
}

// FormPolicyRequest returns the request that the policies see for an upload form.
func (b *Broker) FormPolicyRequest(in *FormInput) (access.Request, error) {
	op, _, err := b.readForm(in)
	if err != nil {
		return access.Request{}, err
	}
	return op.policy, nil
}

// readForm turns the caller's input into the one policy that is decided on, signed and returned.
func (b *Broker) readForm(in *FormInput) (*operation, *signing.PostPolicy, error) {
	in.Method, in.Service = "POST", "s3"
	op := b.newOperation(access.ActionPostPolicy, &in.Input)
	policy, err := b.readFormInto(in, op)
	if err != nil {
		return nil, nil, op.problem(err)
	}
	op.policy = op.formPolicyRequest(policy)
	return op, policy, nil
}

func (b *Broker) readFormInto(in *FormInput, op *operation) (*signing.PostPolicy, error) {
	in.Region = op.respellRegion(in.Region)
	if err := in.setAddress(); err != nil {
		return nil, err
	}
	for _, step := range []func(*Input, *operation) error{b.checkAllowed, checkBounds, b.readURL, b.resolveScope} {
		if err := step(&in.Input, op); err != nil {
			return nil, err
		}
	}
	if !isAddressOf(in.Bucket, op.request.URL) {
		return nil, problem.InvalidPart("url", "", "The address is not the bucket's. It must be the bucket's own host at S3, "+
			"or have the bucket's name as its path.")
	}
	op.request.Expires = cmp.Or(in.Expires, DefaultExpiry)
	policy := &signing.PostPolicy{
		Bucket: in.Bucket, Fields: append([]signing.Parameter{{Name: "key", Value: in.Key}}, in.Fields...), StartsWith: in.StartsWith,
		MinLength: in.MinLength, MaxLength: in.MaxLength, Region: in.Region, Expires: op.request.Expires,
	}
	op.warnOfText(problem.Field{Part: "key"}, strings.ReplaceAll(in.Key, signing.Filename, ""))
	for _, f := range slices.Concat(in.Fields, in.StartsWith) {
		op.warnOfText(problem.Field{Part: "fields", Name: f.Name}, strings.ReplaceAll(f.Value, signing.Filename, ""))
		if strings.EqualFold(f.Name, "key") {
			return nil, &problem.Error{
				Code: "fields_conflict", Detail: "The key is given twice.",
				Fields: []problem.Field{{Part: "key", Detail: "The key is given here and among the fields."}},
			}
		}
	}
	trial := *policy // what no key could sign need not be decided
	trial.Time, trial.Credentials = b.Now(), signing.NewCredentials("-", "-", "")
	_, err := b.Signer.PostPolicy(&trial)
	return policy, err
}

// setAddress sets the address that the form is posted to: the bucket's own host, or a path at S3's host if no
// certificate covers the bucket's name.
func (in *FormInput) setAddress() error {
	switch {
	case !isBucket(in.Bucket):
		return problem.InvalidPart("bucket", "", "must be the name of a bucket.")
	case len(in.Key) > maxKey:
		return problem.InvalidPart("key", "", "The key is longer than "+strconv.Itoa(maxKey)+" bytes.")
	case len(in.Fields)+len(in.StartsWith) > maxHeaders:
		return problem.InvalidPart("fields", "", "There are more than "+strconv.Itoa(maxHeaders)+" fields.")
	}
	if in.URL != "" {
		return nil
	}
	suffix := ""
	switch endpoints.PartitionOf(in.Region) {
	case "aws", "aws-us-gov":
		suffix = ".amazonaws.com/"
	case "aws-cn":
		suffix = ".amazonaws.com.cn/"
	default:
		return &problem.Error{
			Code: "scope_needed", Detail: "The address of the bucket is not known for this region.",
			Fields: []problem.Field{{Part: "url", Detail: "Give the address to which the form is posted."}},
		}
	}
	in.URL = "https://" + in.Bucket + ".s3." + in.Region + suffix
	if strings.Contains(in.Bucket, ".") || in.Bucket != strings.ToLower(in.Bucket) {
		in.URL = "https://s3." + in.Region + suffix + in.Bucket
	}
	return nil
}

// isBucket reports whether a name is valid for a bucket, by old or new rules (Amazon S3 User Guide, "Bucket naming
// rules").
func isBucket(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return len(name) <= 255 && !strings.Contains("."+name+".", "..")
}

// isAddressOf reports whether an address is the bucket's. The signature covers only the bucket, but policies look at
// the address. The host is read from the right, because a bucket's name may look like S3's own (Amazon S3 User Guide,
// "Virtual hosting of buckets").
func isAddressOf(bucket string, u signing.URL) bool {
	host, _, _ := strings.Cut(u.Host(), ":")
	path := strings.TrimSuffix(u.Path(), "/")
	labels := strings.Split(host, ".")
	for at := len(labels) - 1; at > 0; at-- {
		if labels[at] == "s3" || strings.HasPrefix(labels[at], "s3-") || strings.HasPrefix(labels[at], "s3express-") {
			return u.RawQuery() == "" && path == "" && strings.Join(labels[:at], ".") == bucket
		}
	}
	return u.RawQuery() == "" && (path == "/"+bucket || path == "" && host == bucket)
}

// formPolicyRequest returns the request that the policies see: the path is the key that the form allows, up to
// ${filename}, and the headers are the form's fields. A field that the uploader fills in is there twice, so that it
// does not have the single value that a policy may read.
func (op *operation) formPolicyRequest(policy *signing.PostPolicy) access.Request {
	u := op.request.URL
	key, _, open := strings.Cut(policy.Fields[0].Value, signing.Filename)
	if open { // so that no policy takes the beginning of the key for the whole key
		key += signing.Filename
	}
	out := access.Request{
		Profile: op.profile, OwnKeys: op.in.Credentials != nil, Service: "s3", Region: policy.Region, Method: "POST",
		Scheme: u.Scheme(), Host: u.Host(),
		Path:    strings.TrimSuffix(u.Path(), "/") + signing.CanonicalURI("/"+key, false),
		Payload: access.PayloadUnsigned, ExpiresIn: policy.Expires,
	}
	for _, f := range policy.Fields[1:] {
		out.Headers = append(out.Headers, access.Field(f))
		if strings.Contains(f.Value, signing.Filename) {
			out.Headers = append(out.Headers, access.Field(f))
		}
	}
	for _, f := range policy.StartsWith {
		out.Headers = append(out.Headers, access.Field(f), access.Field(f))
	}
	return out
}
