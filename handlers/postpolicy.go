package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// toUpload is what an upload form shall allow.
type toUpload struct {
	Bucket             string              `json:"bucket"`
	Key                string              `json:"key"`
	Region             string              `json:"region"`
	URL                string              `json:"url"`
	Fields             textMap             `json:"fields"`
	StartsWith         textMap             `json:"startsWith"`
	MinLength          *wholeNumber        `json:"minLength"`
	MaxLength          *wholeNumber        `json:"maxLength"`
	ExpiresInSeconds   *wholeNumber        `json:"expiresInSeconds"`
	Profile            string              `json:"profile"`
	MinValiditySeconds *wholeNumber        `json:"minValiditySeconds"`
	SigningTime        *string             `json:"signingTime"`
	Credentials        *requestCredentials `json:"credentials"`
}

// maxObject is the largest file that a form can upload (Amazon S3 User Guide, "Uploading objects").
const maxObject = 5 << 30

func (in *toUpload) check(found *problem.Fields) {
	found.Require("/bucket", in.Bucket)
	found.Require("/key", in.Key)
	found.Require("/region", in.Region)
	like := toSend{Method: "POST", URL: "-", MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials}
	like.check(found)
	between(found, "/minLength", in.MinLength, 0, maxObject)
	between(found, "/maxLength", in.MaxLength, 1, maxObject)
	between(found, "/expiresInSeconds", in.ExpiresInSeconds, 1, int64(signing.MaxExpires/time.Second))
}

// uploadForm is where to post the form, and what must stand in it.
type uploadForm struct {
	URL         string            `json:"url"`
	Fields      map[string]string `json:"fields"`
	FieldList   []sentHeader      `json:"fieldList"`
	Policy      string            `json:"policy"`
	SignedAt    time.Time         `json:"signedAt"`
	ExpiresAt   time.Time         `json:"expiresAt"`
	AccessKeyID string            `json:"accessKeyId"`
	Profile     string            `json:"profile,omitzero"`
	Warnings    []warning         `json:"warnings"`
}

// CreatePostPolicy makes the fields of a form that uploads to S3 directly.
func (h *Handlers) CreatePostPolicy() http.Handler { return serveJSON(h.postPolicy) }

func (h *Handlers) postPolicy(ctx context.Context, in *toUpload) (*uploadForm, error) {
	ask := in.ask()
	p, policy, err := h.readUpload(in, ask)
	if err != nil {
		return nil, locate(err, ask)
	}
	if err := h.decide(ctx, p, p.askedUpload(policy)); err != nil {
		return nil, err
	}
	if err := h.addSession(ctx, ask, p); err != nil {
		return nil, locate(err, ask)
	}
	p.capExpiry()
	policy.Time, policy.Expires, policy.Credentials = p.request.Time, p.request.Expires, p.session.Credentials
	form, err := h.Signer.PostPolicy(policy)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, locate(err, ask))
	}
	if err := h.recordSigned(ctx, p, form.Signature, ""); err != nil {
		return nil, err
	}
	out := &uploadForm{
		URL: p.request.URL.String(), Fields: map[string]string{}, FieldList: make([]sentHeader, len(form.Fields)), Policy: p.session.Credentials.Redact(form.Policy),
		SignedAt: p.request.Time, ExpiresAt: p.request.Time.Add(p.request.Expires), AccessKeyID: p.session.Credentials.AccessKeyID, Profile: p.session.Profile, Warnings: p.warnings,
	}
	for i, f := range form.Fields {
		out.Fields[f.Name], out.FieldList[i] = f.Value, sentHeader(f)
	}
	return out, nil
}

// ask is what an upload has in common with other requests.
func (in *toUpload) ask() *toSend {
	return &toSend{
		Method: http.MethodPost, URL: in.URL, Profile: in.Profile, Service: "s3", Region: in.Region,
		MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials,
	}
}

// readUpload makes of what the caller sent the one policy that is decided on, signed and answered.
func (h *Handlers) readUpload(in *toUpload, ask *toSend) (*prepared, *signing.PostPolicy, error) {
	p := h.newPrepared(access.ActionPostPolicy, in.Profile, in.Credentials)
	in.Region = p.respellRegion(in.Region)
	ask.Region = in.Region
	if err := in.setAddress(ask); err != nil {
		return nil, nil, err
	}
	for _, step := range []func(*toSend, *prepared) error{h.checkAllowed, checkBounds, h.readURL, h.place} {
		if err := step(ask, p); err != nil {
			return nil, nil, err
		}
	}
	if !isAddressOf(in.Bucket, p.request.URL) {
		return nil, nil, problem.Invalid("/url", "The address is not that of the bucket: the bucket's own host at S3, or a path that is the bucket's name.")
	}
	p.request.Expires = defaultExpiry
	if in.ExpiresInSeconds != nil {
		p.request.Expires = time.Duration(*in.ExpiresInSeconds) * time.Second
	}
	policy := &signing.PostPolicy{
		Bucket: in.Bucket, Fields: append([]signing.Parameter{{Name: "key", Value: in.Key}}, in.Fields...), StartsWith: in.StartsWith,
		Region: in.Region, Expires: p.request.Expires,
	}
	p.warnOfText("The key", strings.ReplaceAll(in.Key, signing.Filename, ""))
	for _, f := range slices.Concat(in.Fields, in.StartsWith) {
		p.warnOfText("The field "+f.Name, strings.ReplaceAll(f.Value, signing.Filename, ""))
		if strings.EqualFold(f.Name, "key") {
			return nil, nil, &problem.Error{Code: "fields_conflict", Detail: "The key is given twice.", Fields: []problem.Field{{Pointer: "/key", Detail: "The key is given here and among the fields."}}}
		}
	}
	if in.MinLength != nil {
		policy.MinLength = int64(*in.MinLength)
	}
	if in.MaxLength != nil {
		policy.MaxLength = int64(*in.MaxLength)
	}
	trial := *policy // what no key could sign, nobody has to decide on
	trial.Time, trial.Credentials = h.Now(), signing.NewCredentials("-", "-", "")
	_, err := h.Signer.PostPolicy(&trial)
	return p, policy, err
}

// setAddress finds where a form for the bucket is posted: the bucket's own host, or its path where its name is none that a certificate covers.
func (in *toUpload) setAddress(ask *toSend) error {
	switch {
	case !isBucket(in.Bucket):
		return problem.Invalid("/bucket", "The value is not the name of a bucket.")
	case len(in.Key) > maxKey:
		return problem.Invalid("/key", "The key is longer than "+strconv.Itoa(maxKey)+" bytes.")
	case len(in.Fields)+len(in.StartsWith) > maxHeaders:
		return problem.Invalid("/fields", "There are more than "+strconv.Itoa(maxHeaders)+" fields.")
	}
	if ask.URL != "" {
		return nil
	}
	suffix := ""
	switch endpoints.PartitionOf(in.Region) {
	case "aws", "aws-us-gov":
		suffix = ".amazonaws.com/"
	case "aws-cn":
		suffix = ".amazonaws.com.cn/"
	default:
		return &problem.Error{Code: "scope_needed", Detail: "The address of the bucket is not known for this region.", Fields: []problem.Field{{Pointer: "/url", Detail: "Give the address to which the form is posted."}}}
	}
	if ask.URL = "https://" + in.Bucket + ".s3." + in.Region + suffix; strings.Contains(in.Bucket, ".") || in.Bucket != strings.ToLower(in.Bucket) {
		ask.URL = "https://s3." + in.Region + suffix + in.Bucket
	}
	return nil
}

// isBucket holds for what a bucket may be called, by rules old and new (Amazon S3 User Guide, "Bucket naming rules").
func isBucket(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return len(name) <= 255 && !strings.Contains("."+name+".", "..")
}

// isAddressOf tells whether an address is the bucket's. The signature covers the bucket alone, the policies look at the address. The host is read
// from the right, for a bucket's name may look like S3's own (Amazon S3 User Guide, "Virtual hosting of buckets").
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

// askedUpload is what the policies look at: the key that the form allows is the path, up to ${filename}, and its fields are the headers. What whoever
// uploads fills in stands there twice: it has more than the one value that a policy may ask for.
func (p *prepared) askedUpload(policy *signing.PostPolicy) access.Request {
	u := p.request.URL
	key, _, open := strings.Cut(policy.Fields[0].Value, signing.Filename)
	if open { // so that no policy takes what the key begins with for the whole of it
		key += signing.Filename
	}
	out := access.Request{
		Profile: p.profile, OwnKeys: p.ownKeys, Service: "s3", Region: policy.Region, Method: http.MethodPost, Scheme: u.Scheme(), Host: u.Host(),
		Path:    strings.TrimSuffix(u.Path(), "/") + signing.CanonicalURI("/"+key, true),
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
