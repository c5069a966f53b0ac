package credentials

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"countersign/signing"
)

// The algorithms of CreateSession (IAM Roles Anywhere User Guide, "Signing process"), which sign with the private key
// itself.
const (
	algorithmRSA signing.Algorithm = "AWS4-X509-RSA-SHA256"
	algorithmEC  signing.Algorithm = "AWS4-X509-ECDSA-SHA256"
)

// create calls CreateSession, and retries if that may help.
func (r *rolesAnywhere) create(ctx context.Context, p *pair) (s Session, err error) {
	learnt, begun := false, r.clock.now().elapsed
	for attempt := range maxAttempts {
		skew := r.clock.read().skew
		s, err = r.once(ctx, p)
		moved := !learnt && abs(r.clock.read().skew-skew) > skewApplied // perhaps it was signed at the wrong time
		if err == nil || !errors.Is(err, ErrUnavailable) && !moved {
			break
		}
		learnt = learnt || moved
		pause := time.Duration(mathrand.Float64() * float64(min(maxBackoff, pairPause<<attempt))) //nolint:gosec // G404: jitter
		if attempt == maxAttempts-1 || !moved && !wait(ctx, pause) {
			break
		}
	}
	call := STSCall{Operation: "CreateSession", Region: r.region, Took: r.clock.now().elapsed - begun}
	if err != nil {
		f := classify(err)
		call.RequestID, call.Err = f.RequestID, f
		r.called(ctx, call)
		f.Hint = cmp.Or(f.Hint, hints[f.Code])
		if errors.Is(f, ErrDenied) || f.Code == "ResourceNotFoundException" || f.Code == "ValidationException" {
			f.Hint = rolesAnywhereHint
		}
		return Session{}, f
	}
	r.called(ctx, call)
	return s, nil
}

const rolesAnywhereHint = "AWS does not accept the certificate or the role: the trust anchor must be enabled and contain the CA " +
	"that issued the certificate or the last one in the chain; the certificate must have CA:FALSE and digitalSignature; " +
	"the Roles Anywhere profile must be enabled and list the role; and the role must trust " +
	"rolesanywhere.amazonaws.com for sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity"

func (r *rolesAnywhere) once(ctx context.Context, p *pair) (Session, error) {
	now := r.clock.read()
	life := min(r.Duration, p.end().Sub(now.time))
	request, err := r.request(ctx, p, max(life, shortestSession), now.time)
	if err != nil {
		return Session{}, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return Session{}, classify(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body) // the transport bounds it
	if err != nil {
		return Session{}, classify(err)
	}
	id := response.Header.Get("X-Amzn-Requestid")
	if response.StatusCode != http.StatusCreated {
		f := classify(replyError(response, body))
		if validRequestID(id) {
			f.RequestID = id
		}
		return Session{}, f
	}
	s, err := r.session(body, p)
	if err == nil && validRequestID(id) {
		s.RequestID = id
	}
	return s, err
}

// request builds the signed request. Even if the session must end with the certificate, the shortest that can be
// requested is 15 minutes.
func (r *rolesAnywhere) request(ctx context.Context, p *pair, life time.Duration, now time.Time) (*http.Request, error) {
	query := url.Values{"profileArn": {r.ProfileARN}, "roleArn": {r.RoleARN}, "trustAnchorArn": {r.TrustAnchorARN}}
	body := fmt.Appendf(nil, `{"durationSeconds":%d}`, int(life/time.Second))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint+"/sessions?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, fail(ErrConfiguration, "endpoint malformed")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Amz-Date", now.UTC().Format(signing.TimeFormat))
	request.Header.Set("X-Amz-X509", encoded(p.leaf.Raw))
	if len(p.chain) > 0 {
		request.Header.Set("X-Amz-X509-Chain", chainHeader(p))
	}
	authorization, err := authorize(request, body, p, r.region, now)
	if err != nil {
		return nil, fail(ErrConfiguration, "private key cannot sign")
	}
	request.Header.Set("Authorization", authorization)
	request.Header.Set("User-Agent", "countersign")
	return request, nil
}

// authorize signs the request with the private key. The certificate's serial number, in decimal, takes the place of an
// access key ID.
func authorize(request *http.Request, body []byte, p *pair, region string, now time.Time) (string, error) {
	headers := []signing.Header{{Name: "host", Value: request.URL.Host}}
	for name, values := range request.Header {
		headers = append(headers, signing.Header{Name: name, Value: values[0]})
	}
	canonicalHeaders, signedHeaders, err := signing.CanonicalHeaders(headers)
	if err != nil {
		return "", err
	}
	query, err := signing.CanonicalQuery(request.URL.RawQuery)
	if err != nil {
		return "", err
	}
	canonical := signing.CanonicalRequest(request.Method, signing.CanonicalURI(request.URL.Path, false), query,
		canonicalHeaders, signedHeaders, signing.PayloadHash(body))
	algorithm := algorithmEC
	if _, isRSA := p.key.Public().(*rsa.PublicKey); isRSA {
		algorithm = algorithmRSA
	}
	scope := signing.CredentialScope(algorithm, now, signing.Scope{Service: rolesAnywhereService, Region: region})
	digest := sha256.Sum256([]byte(signing.StringToSign(algorithm, now, scope, canonical)))
	signature, err := p.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	return signing.Authorization(algorithm, p.leaf.SerialNumber.String(), scope, signedHeaders, hex.EncodeToString(signature)), nil
}

func encoded(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

func chainHeader(p *pair) string {
	texts := make([]string, len(p.chain))
	for i, c := range p.chain {
		texts[i] = encoded(c.Raw)
	}
	return strings.Join(texts, ",")
}

// session reads the response to CreateSession. No session lasts longer than the certificate.
func (r *rolesAnywhere) session(body []byte, p *pair) (Session, error) {
	var out struct {
		CredentialSet []struct {
			AssumedRoleUser struct {
				ARN string `json:"arn"`
			} `json:"assumedRoleUser"`
			Credentials struct {
				AccessKeyID     *string    `json:"accessKeyId"`
				SecretAccessKey *string    `json:"secretAccessKey"`
				SessionToken    *string    `json:"sessionToken"`
				Expiration      *time.Time `json:"expiration"`
			} `json:"credentials"`
			SourceIdentity string `json:"sourceIdentity"`
		} `json:"credentialSet"`
	}
	if json.Unmarshal(body, &out) != nil || len(out.CredentialSet) != 1 {
		return Session{}, fail(ErrUnavailable, "malformed answer")
	}
	set := &out.CredentialSet[0]
	s, err := issued{
		accessKeyID: set.Credentials.AccessKeyID, secretAccessKey: set.Credentials.SecretAccessKey,
		sessionToken: set.Credentials.SessionToken, expires: set.Credentials.Expiration,
	}.session(r.clock.read(), leastLife, max(r.Duration, shortestSession))
	if err != nil {
		return Session{}, err
	}
	if end := p.end().UTC(); end.Before(s.Expires) {
		s.Expires = end
	}
	s.RoleARN = r.RoleARN
	assumed := set.AssumedRoleUser.ARN
	if name := assumed[strings.LastIndexByte(assumed, '/')+1:]; len(name) <= nameLimit && allBytes(name, isNameByte) {
		s.SessionName = name
	}
	if len(set.SourceIdentity) <= nameLimit && plain(set.SourceIdentity) {
		s.SourceIdentity = set.SourceIdentity
	}
	return s, nil
}

// refusedReply is an error response from a REST JSON service.
type refusedReply struct {
	smithy.GenericAPIError
	status int
}

func (e *refusedReply) HTTPStatusCode() int { return e.status }

func replyError(response *http.Response, body []byte) error {
	var said struct {
		Message string `json:"message"`
		Type    string `json:"__type"`
	}
	_ = json.Unmarshal(body, &said) // if it is not JSON, the status has to do
	name, _, _ := strings.Cut(cmp.Or(response.Header.Get("X-Amzn-Errortype"), said.Type), ":")
	name = name[strings.LastIndexByte(name, '#')+1:]
	return &refusedReply{smithy.GenericAPIError{Code: name, Message: said.Message}, response.StatusCode}
}
