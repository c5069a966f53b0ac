package handlers

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// toSend is the request that a caller wants to send to AWS, as the contract describes it.
type toSend struct {
	Method             string              `json:"method"`
	URL                string              `json:"url"`
	Query              textMap             `json:"query"`
	Headers            textMap             `json:"headers"`
	HeaderList         []header            `json:"headerList"`
	Body               jsontext.Value      `json:"body"`
	BodyBase64         *string             `json:"bodyBase64"`
	PayloadSHA256      *string             `json:"payloadSha256"`
	Payload            *string             `json:"payload"`
	Profile            string              `json:"profile"`
	Service            string              `json:"service"`
	Region             string              `json:"region"`
	Algorithm          *string             `json:"algorithm"`
	SignedHeaders      []string            `json:"signedHeaders"`
	SignAllHeaders     bool                `json:"signAllHeaders"`
	MinValiditySeconds *wholeNumber        `json:"minValiditySeconds"`
	SigningTime        *string             `json:"signingTime"`
	Credentials        *requestCredentials `json:"credentials"`
	Options            *signingOptions     `json:"options"`
	Explain            bool                `json:"explain"`

	bodyBytes []byte // what BodyBase64 holds
}

type header struct {
	Name  string  `json:"name"`
	Value *string `json:"value"`
}

type requestCredentials struct {
	AccessKeyID     string       `json:"accessKeyId"`
	SecretAccessKey string       `json:"secretAccessKey"`
	SessionToken    string       `json:"sessionToken"`
	RoleARN         string       `json:"roleArn"`
	AccountID       *string      `json:"accountId"`
	RoleName        string       `json:"roleName"`
	ExternalID      string       `json:"externalId"`
	SessionName     string       `json:"sessionName"`
	DurationSeconds *wholeNumber `json:"durationSeconds"`
}

type signingOptions struct {
	NormalizePath       *bool   `json:"normalizePath"`
	DoubleEncode        *bool   `json:"doubleEncode"`
	ContentSHA256Header *string `json:"contentSha256Header"`
	SessionToken        *string `json:"sessionToken"`
}

// check holds what the contract says beyond types. It must refuse exactly what the schema refuses.
func (in *toSend) check(found *fieldErrors) {
	found.require("/method", in.Method)
	found.require("/url", in.URL)
	for i, h := range in.HeaderList {
		at := "/headerList/" + strconv.Itoa(i)
		found.require(at+"/name", h.Name)
		if h.Value == nil {
			found.require(at+"/value", "")
		}
	}
	if in.BodyBase64 != nil {
		var err error
		if in.bodyBytes, err = decodeBase64(*in.BodyBase64); err != nil {
			found.add("/bodyBase64", "The value is not Base64 with padding.")
		}
	}
	if in.PayloadSHA256 != nil && !isSHA256(*in.PayloadSHA256) {
		found.add("/payloadSha256", "The value is not 64 hexadecimal digits.")
	}
	found.oneOf("/payload", in.Payload, "signed", "unsigned")
	found.oneOf("/algorithm", in.Algorithm, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
	for i, name := range in.SignedHeaders {
		if name == "" {
			found.add("/signedHeaders/"+strconv.Itoa(i), "The name is empty.")
		}
	}
	found.between("/minValiditySeconds", in.MinValiditySeconds, 0, 900)
	if in.SigningTime != nil {
		if _, err := parseTime(*in.SigningTime); err != nil {
			found.add("/signingTime", "The value is not a time such as 2026-01-31T12:00:00Z.")
		}
	}
	if c := in.Credentials; c != nil {
		found.require("/credentials/accessKeyId", c.AccessKeyID)
		found.require("/credentials/secretAccessKey", c.SecretAccessKey)
		if c.AccountID != nil && !isAccountID(*c.AccountID) {
			found.add("/credentials/accountId", "The value is not 12 digits.")
		}
		found.between("/credentials/durationSeconds", c.DurationSeconds, 900, 43200)
	}
	if o := in.Options; o != nil {
		found.oneOf("/options/contentSha256Header", o.ContentSHA256Header, "auto", "always", "never")
		found.oneOf("/options/sessionToken", o.SessionToken, "signed", "appended", "omitted")
	}
}

func (e *fieldErrors) oneOf(pointer string, value *string, allowed ...string) {
	if value == nil || slices.Contains(allowed, *value) {
		return
	}
	text := "The value is none of"
	for _, a := range allowed {
		text += " " + a
	}
	e.add(pointer, text+".")
}

func (e *fieldErrors) between(pointer string, value *wholeNumber, low, high wholeNumber) {
	if value != nil && (*value < low || *value > high) {
		e.add(pointer, "The value is not from "+strconv.Itoa(int(low))+" to "+strconv.Itoa(int(high))+".")
	}
}

func isAccountID(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) == 12
}
