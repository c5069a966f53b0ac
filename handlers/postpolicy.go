package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"countersign/access"
	"countersign/endpoints"
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

func (in *toUpload) check(found *fieldErrors) {
	found.require("/bucket", in.Bucket)
	found.require("/key", in.Key)
	found.require("/region", in.Region)
	like := toSend{Method: "POST", URL: "-", MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials}
	like.check(found)
	found.between("/minLength", in.MinLength, 0, maxObject)
	found.between("/maxLength", in.MaxLength, 1, maxObject)
	found.between("/expiresInSeconds", in.ExpiresInSeconds, 1, wholeNumber(signing.MaxExpires/time.Second))
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
	target, err := in.target()
	if err != nil {
		return nil, err
	}
	ask := &toSend{Method: http.MethodPost, URL: target, Profile: in.Profile, Service: "s3", Region: in.Region, MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials}
	p, err := h.admitUpload(ctx, in, ask)
	if err != nil {
		return nil, locate(err, ask)
	}
	policy := &signing.PostPolicy{
		Bucket: in.Bucket, Fields: append([]signing.Parameter{{Name: "key", Value: in.Key}}, in.Fields...), StartsWith: in.StartsWith,
		Region: in.Region, Time: p.request.Time, Expires: p.request.Expires, Credentials: p.session.Credentials,
	}
	if in.MinLength != nil {
		policy.MinLength = int64(*in.MinLength)
	}
	if in.MaxLength != nil {
		policy.MaxLength = int64(*in.MaxLength)
	}
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

// target is where a form for the bucket is posted: the bucket's own host, or its path where its name has dots, which no certificate covers.
func (in *toUpload) target() (string, error) {
	if in.URL != "" {
		return in.URL, nil
	}
	suffix := ""
	switch endpoints.PartitionOf(in.Region) {
	case "aws", "aws-us-gov":
		suffix = ".amazonaws.com/"
	case "aws-cn":
		suffix = ".amazonaws.com.cn/"
	default:
		return "", &fault{code: "scope_needed", detail: "The address of the bucket is not known for this region.", fields: []FieldError{{"/url", "Give the address to which the form is posted."}}}
	}
	if strings.Contains(in.Bucket, ".") {
		return "https://s3." + in.Region + suffix + in.Bucket, nil
	}
	return "https://" + in.Bucket + ".s3." + in.Region + suffix, nil
}

// admitUpload has the upload decided: the key that the form allows is the path, and its fields are the headers.
func (h *Handlers) admitUpload(ctx context.Context, in *toUpload, ask *toSend) (*prepared, error) {
	p := h.newPrepared(access.ActionPostPolicy, in.Profile, in.Credentials)
	p.request.Expires = defaultExpiry
	if in.ExpiresInSeconds != nil {
		p.request.Expires = time.Duration(*in.ExpiresInSeconds) * time.Second
	}
	if err := h.checkAllowed(ask, p); err != nil {
		return nil, err
	}
	if err := h.readURL(ask, p); err != nil {
		return nil, err
	}
	if err := h.place(ask, p); err != nil {
		return nil, err
	}
	asked := access.Request{
		Profile: p.profile, Service: "s3", Region: in.Region, Method: http.MethodPost, Scheme: p.request.URL.Scheme(), Host: p.request.URL.Host(),
		Path:    strings.TrimSuffix(p.request.URL.Path(), "/") + "/" + strings.TrimPrefix(signing.CanonicalURI("/"+strings.TrimSuffix(in.Key, "${filename}"), true), "/"),
		Payload: access.PayloadUnsigned, ExpiresIn: p.request.Expires,
	}
	for _, f := range in.Fields {
		asked.Headers = append(asked.Headers, access.Field(f))
	}
	for _, f := range in.StartsWith {
		asked.Headers = append(asked.Headers, access.Field(f))
	}
	if err := h.decide(ctx, p, asked); err != nil {
		return nil, err
	}
	if err := h.addSession(ctx, ask, p); err != nil {
		return nil, err
	}
	p.capExpiry()
	return p, nil
}
