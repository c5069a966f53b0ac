package handlers

import (
	"encoding/hex"
	"strconv"
	"time"

	"countersign/broker"
	"countersign/credentials"
	"countersign/problem"
)

// signRequest is the request that a caller wants to send to AWS, as the contract describes it.
type signRequest struct {
	Method             string              `json:"method"`
	URL                string              `json:"url"`
	Query              textMap             `json:"query"`
	Headers            textMap             `json:"headers"`
	HeaderList         list[header]        `json:"headerList"`
	Body               bodyValue           `json:"body"`
	BodyBase64         *string             `json:"bodyBase64"`
	PayloadSHA256      *string             `json:"payloadSha256"`
	Payload            *string             `json:"payload"`
	Profile            string              `json:"profile"`
	Service            string              `json:"service"`
	Region             string              `json:"region"`
	Algorithm          *string             `json:"algorithm"`
	SignedHeaders      list[string]        `json:"signedHeaders"`
	SignAllHeaders     bool                `json:"signAllHeaders"`
	MinValiditySeconds *wholeNumber        `json:"minValiditySeconds"`
	SigningTime        *string             `json:"signingTime"`
	Credentials        *requestCredentials `json:"credentials"`
	Options            *signingOptions     `json:"options"`
	Explain            bool                `json:"explain"`
	Output             *string             `json:"output"`
	BodyForm           *string             `json:"bodyForm"`

	bodyBytes   []byte     // decoded from BodyBase64
	signingTime *time.Time // parsed from SigningTime
	brokerInput broker.Input
}

func (in *signRequest) body() *bodyValue { return &in.Body }

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

// check checks what the contract requires beyond types. It must refuse exactly what the schema refuses.
func (in *signRequest) check(found *problem.Fields) {
	found.Require("/method", in.Method)
	found.Require("/url", in.URL)
	checkHeaderList(found, "/headerList", in.HeaderList)
	if in.BodyBase64 != nil {
		var err error
		if in.bodyBytes, err = decodeBase64(*in.BodyBase64); err != nil {
			found.Add("/bodyBase64", "must be Base64 with padding, such as aGVsbG8=.")
		}
	}
	if in.PayloadSHA256 != nil && !isSHA256(*in.PayloadSHA256) {
		found.Add("/payloadSha256", "must be 64 hexadecimal digits, the SHA-256 of the body.")
	}
	found.OneOf("/payload", in.Payload, "signed", "unsigned")
	found.OneOf("/algorithm", in.Algorithm, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
	for i, name := range in.SignedHeaders {
		if name == "" {
			found.Add("/signedHeaders/"+strconv.Itoa(i), "must not be empty.")
		}
	}
	between(found, "/minValiditySeconds", in.MinValiditySeconds, 0, 900)
	in.checkOutput(found)
	if in.SigningTime != nil {
		at, err := parseTime(*in.SigningTime)
		in.signingTime = &at
		if err != nil {
			found.Add("/signingTime", "must be a time such as 2026-01-31T12:00:00Z.")
		}
	}
	if c := in.Credentials; c != nil {
		found.Require("/credentials/accessKeyId", c.AccessKeyID)
		found.Require("/credentials/secretAccessKey", c.SecretAccessKey)
		if c.AccountID != nil && !credentials.ValidAccount(*c.AccountID) {
			found.Add("/credentials/accountId", "must be 12 digits.")
		}
		between(found, "/credentials/durationSeconds", c.DurationSeconds, 900, 43200)
	}
	if o := in.Options; o != nil {
		found.OneOf("/options/contentSha256Header", o.ContentSHA256Header, "auto", "always", "never")
		found.OneOf("/options/sessionToken", o.SessionToken, "signed", "appended", "omitted")
	}
}

func checkHeaderList(found *problem.Fields, at string, headers list[header]) {
	for i, h := range headers {
		at := at + "/" + strconv.Itoa(i)
		found.Require(at+"/name", h.Name)
		if h.Value == nil {
			found.Require(at+"/value", "")
		}
	}
}

func between(found *problem.Fields, pointer string, value *wholeNumber, low, high int64) {
	if value != nil {
		found.Between(pointer, int64(*value), low, high)
	}
}

// parseTime reads RFC 3339 to the second, in UTC.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC().Truncate(time.Second), err
}

func isSHA256(text string) bool {
	if len(text) != 64 {
		return false
	}
	var sum [32]byte
	_, err := hex.Decode(sum[:], []byte(text))
	return err == nil
}
