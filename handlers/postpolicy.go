package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/signing"
)

// postPolicyRequest is what an upload form must allow.
type postPolicyRequest struct {
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

	signingTime *time.Time
}

// maxObject is the largest file that a form can upload (Amazon S3 User Guide, "Uploading objects").
const maxObject = 5 << 30

func (in *postPolicyRequest) check(found *problem.Fields) {
	found.Require("/bucket", in.Bucket)
	found.Require("/key", in.Key)
	found.Require("/region", in.Region)
	like := signRequest{
		Method: "POST", URL: "-", MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials,
	}
	like.check(found)
	in.signingTime = like.signingTime
	between(found, "/minLength", in.MinLength, 0, maxObject)
	between(found, "/maxLength", in.MaxLength, 1, maxObject)
	between(found, "/expiresInSeconds", in.ExpiresInSeconds, 1, int64(signing.MaxExpires/time.Second))
}

// uploadForm is where to post the form, and its fields.
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

// CreatePostPolicy makes the fields of a form that uploads directly to S3.
func (h *Handlers) CreatePostPolicy() http.Handler { return serveJSON(h.postPolicy) }

func (h *Handlers) postPolicy(ctx context.Context, call *broker.Call, in *postPolicyRequest) (*uploadForm, error) {
	f, err := h.broker.PostPolicy(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	return &uploadForm{
		URL: f.URL, Fields: headerMap(f.Fields), FieldList: sentHeaders(f.Fields), Policy: f.Policy, SignedAt: f.SignedAt, ExpiresAt: f.ExpiresAt,
		AccessKeyID: f.AccessKeyID, Profile: f.Profile, Warnings: warningsOf(f.Warnings),
	}, nil
}

// input returns the form for the broker.
func (in *postPolicyRequest) input() *broker.FormInput {
	out := &broker.FormInput{
		Bucket: in.Bucket, Key: in.Key, Fields: in.Fields, StartsWith: in.StartsWith,
		MinLength: int64(valueOf(in.MinLength)), MaxLength: int64(valueOf(in.MaxLength)),
	}
	out.URL, out.Region, out.Profile, out.Expires = in.URL, in.Region, in.Profile, valueOf(in.ExpiresInSeconds.duration())
	out.MinValidity, out.SigningTime, out.Credentials = in.MinValiditySeconds.duration(), in.signingTime, in.Credentials.credentials()
	return out
}

func headerMap(headers []signing.Header) map[string]string {
	byName := make(map[string]string, len(headers))
	for _, h := range headers {
		byName[h.Name] = h.Value
	}
	return byName
}
