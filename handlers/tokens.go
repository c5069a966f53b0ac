package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/access"
	"countersign/problem"
	"countersign/signing"
)

// toConnect says what a token shall open.
type toConnect struct {
	Kind               string              `json:"kind"`
	Endpoint           string              `json:"endpoint"`
	User               string              `json:"user"`
	Region             string              `json:"region"`
	ExpiresInSeconds   *wholeNumber        `json:"expiresInSeconds"`
	Profile            string              `json:"profile"`
	MinValiditySeconds *wholeNumber        `json:"minValiditySeconds"`
	SigningTime        *string             `json:"signingTime"`
	Credentials        *requestCredentials `json:"credentials"`
}

// connectKinds are those of package signing.
var connectKinds = []string{
	string(signing.ConnectRDS), string(signing.ConnectDSQL), string(signing.ConnectDSQLAdmin), string(signing.ConnectElastiCache),
	string(signing.ConnectElastiCacheServerless), string(signing.ConnectMemoryDB), string(signing.ConnectEKS), string(signing.ConnectMSK), string(signing.ConnectIoT),
	string(signing.ConnectBedrock),
}

func (in *toConnect) check(found *problem.Fields) {
	found.OneOf("/kind", &in.Kind, connectKinds...)
	found.Require("/endpoint", in.Endpoint)
	found.Require("/region", in.Region)
	like := toSend{Method: "GET", URL: "-", MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials}
	like.check(found)
	between(found, "/expiresInSeconds", in.ExpiresInSeconds, 1, int64(signing.MaxExpires/time.Second))
}

// connectToken is what a service takes in place of a password.
type connectToken struct {
	Token       string    `json:"token"`
	SignedAt    time.Time `json:"signedAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	AccessKeyID string    `json:"accessKeyId"`
	Profile     string    `json:"profile,omitzero"`
	Warnings    []warning `json:"warnings"`
}

// CreateConnectToken makes a token that a service takes in place of a password. It is a login, so no policy but one that names the service allows it, and for Bedrock
// the operation.
func (h *Handlers) CreateConnectToken() http.Handler { return serveJSON(h.connectToken) }

func (h *Handlers) connectToken(ctx context.Context, in *toConnect) (*connectToken, error) {
	ask := &toSend{Method: http.MethodGet, Profile: in.Profile, Region: in.Region, MinValiditySeconds: in.MinValiditySeconds, SigningTime: in.SigningTime, Credentials: in.Credentials}
	connect := &signing.Connect{Kind: signing.ConnectKind(in.Kind), Endpoint: in.Endpoint, User: in.User}
	if in.ExpiresInSeconds != nil {
		connect.Expires = time.Duration(*in.ExpiresInSeconds) * time.Second
	}
	p := h.newPrepared(access.ActionPresign, in.Profile, in.Credentials)
	connect.Region = p.respellRegion(in.Region)
	ask.Region = connect.Region
	if err := h.checkAllowed(ask, p); err != nil {
		return nil, err
	}
	if err := checkBounds(ask, p); err != nil {
		return nil, err
	}
	made, err := connect.Request()
	if err != nil {
		return nil, locate(err, ask)
	}
	p.request = *made
	if err := h.checkSignable(p); err != nil {
		return nil, locate(err, ask)
	}
	if err := h.decide(ctx, p, p.asked()); err != nil {
		return nil, err
	}
	if err := h.addSession(ctx, ask, p); err != nil {
		return nil, err
	}
	p.capExpiry()
	connect.Time, connect.Credentials = p.request.Time, p.session.Credentials
	if signing.ConnectKind(in.Kind) != signing.ConnectEKS {
		connect.Expires = p.request.Expires
	}
	token, expires, err := h.Signer.ConnectToken(connect)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, locate(err, ask))
	}
	if err := h.recordSigned(ctx, p, token, ""); err != nil {
		return nil, err
	}
	if end := p.session.Expires; !end.IsZero() && end.Before(expires) {
		expires = end
	}
	return &connectToken{token, p.request.Time, expires, p.session.Credentials.AccessKeyID, p.session.Profile, p.warnings}, nil
}
