package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/signing"
)

// connectTokenRequest says what a token must give access to.
type connectTokenRequest struct {
	Kind               string              `json:"kind"`
	Endpoint           string              `json:"endpoint"`
	User               string              `json:"user"`
	Region             string              `json:"region"`
	ExpiresInSeconds   *wholeNumber        `json:"expiresInSeconds"`
	Profile            string              `json:"profile"`
	MinValiditySeconds *wholeNumber        `json:"minValiditySeconds"`
	SigningTime        *string             `json:"signingTime"`
	Credentials        *requestCredentials `json:"credentials"`

	signingTime *time.Time
}

// connectKinds are the kinds in package signing.
var connectKinds = []string{
	string(signing.ConnectRDS), string(signing.ConnectDSQL), string(signing.ConnectDSQLAdmin), string(signing.ConnectElastiCache),
	string(signing.ConnectElastiCacheServerless), string(signing.ConnectMemoryDB), string(signing.ConnectEKS),
	string(signing.ConnectMSK), string(signing.ConnectIoT),
	string(signing.ConnectBedrock),
}

func (in *connectTokenRequest) check(found *problem.Fields) {
	found.OneOf("/kind", &in.Kind, connectKinds...)
	found.Require("/endpoint", in.Endpoint)
	found.Require("/region", in.Region)
	like := signRequest{
		Method: "GET", URL: "-", MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials,
	}
	like.check(found)
	in.signingTime = like.signingTime
	between(found, "/expiresInSeconds", in.ExpiresInSeconds, 1, int64(signing.MaxExpires/time.Second))
}

// connectToken is what a service accepts instead of a password.
type connectToken struct {
	Token       string    `json:"token"`
	SignedAt    time.Time `json:"signedAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	AccessKeyID string    `json:"accessKeyId"`
	Profile     string    `json:"profile,omitzero"`
	Warnings    []warning `json:"warnings"`
}

// CreateConnectToken makes a token that a service accepts instead of a password.
func (h *Handlers) CreateConnectToken() http.Handler { return serveJSON(h.connectToken) }

func (h *Handlers) connectToken(ctx context.Context, call *broker.Call, in *connectTokenRequest) (*connectToken, error) {
	input := &broker.ConnectInput{Kind: signing.ConnectKind(in.Kind), Endpoint: in.Endpoint, User: in.User}
	input.Region, input.Profile, input.Expires = in.Region, in.Profile, valueOf(in.ExpiresInSeconds.duration())
	input.MinValidity, input.SigningTime, input.Credentials = in.MinValiditySeconds.duration(), in.signingTime, in.Credentials.credentials()
	t, err := h.broker.ConnectToken(ctx, call, input)
	if err != nil {
		return nil, err
	}
	return &connectToken{t.Token, t.SignedAt, t.ExpiresAt, t.AccessKeyID, t.Profile, warningsOf(t.Warnings)}, nil
}
