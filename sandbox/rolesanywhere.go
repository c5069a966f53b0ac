package sandbox

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

const (
	rolesAnywhereSkew  = 5 * time.Minute
	rolesAnywhereLimit = 16 << 10 // of a body
)

// rolesAnywhere serves CreateSession ("Signing process", IAM Roles Anywhere User Guide).
func (s *Sandbox) rolesAnywhere(w http.ResponseWriter, r *http.Request, seen *Exchange) {
	seen.Action = "CreateSession"
	response, no := s.createSession(r, seen)
	if no != nil {
		c := no.kind.restCode()
		seen.Status, seen.Code = c.status, c.name
		w.Header().Set("x-amzn-ErrorType", c.name+":http://internal.amazon.com/coral/com.amazonaws.rolesanywhere/")
		writeJSON(w, c.status, map[string]string{"message": no.message})
		return
	}
	seen.Status = http.StatusCreated
	writeJSON(w, http.StatusCreated, response)
}

// restCode returns the code of a refusal in IAM Roles Anywhere, which has few.
func (k kind) restCode() code {
	switch k {
	case invalid, malformed, incomplete, noAction:
		return code{"ValidationException", http.StatusBadRequest}
	case tooLong:
		return code{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge}
	default:
		return code{"AccessDeniedException", http.StatusForbidden}
	}
}

func untrusted(reason string) *refusal {
	return &refusal{kind: forbidden, message: "Untrusted certificate. " + reason}
}

// createSession verifies the holder of the certificate and issues a session of the role.
func (s *Sandbox) createSession(r *http.Request, seen *Exchange) (any, *refusal) {
	a, no := receive(r, rolesAnywhereLimit)
	if no != nil {
		return nil, no
	}
	leaf, no := s.holder(a)
	if no != nil {
		return nil, no
	}
	seen.CallerARN = leaf.Subject.String()
	role, d, no := s.sessionOf(a)
	if no != nil {
		return nil, no
	}
	parsed, _ := parseARN(role.ARN, "role/")
	name := hex.EncodeToString(leaf.SerialNumber.Bytes())
	assumed := role.assumed(name)
	issued := s.issue(assumed, d)
	return map[string]any{
		"subjectArn": fmt.Sprintf("arn:%s:rolesanywhere:%s:%s:subject/%s", parsed.partition, s.opts.Region, parsed.account, s.requestID()),
		"credentialSet": []any{map[string]any{
			"assumedRoleUser": map[string]string{"arn": assumed.arn, "assumedRoleId": assumed.userID},
			"credentials": map[string]string{
				"accessKeyId": issued.accessKeyID, "secretAccessKey": issued.secret, "sessionToken": issued.token,
				"expiration": issued.expires.Format(time.RFC3339),
			},
			"packedPolicySize": 0, "roleArn": role.ARN, "sourceIdentity": "CN=" + leaf.Subject.CommonName,
		}},
	}, nil
}

// holder returns the certificate whose private key signed the request, if the trust anchor trusts it.
func (s *Sandbox) holder(a arrival) (*x509.Certificate, *refusal) {
	c, no := a.claim()
	if no != nil {
		return nil, no
	}
	now := s.opts.Now().UTC()
	if no := fresh(c.time, now, rolesAnywhereSkew); no != nil {
		return nil, no
	}
	serial, no := c.scoped(checks{service: "rolesanywhere", region: s.opts.Region})
	if no != nil {
		return nil, no
	}
	names := strings.Split(c.signedHeaders, ";")
	if no := a.allSigned(names); no != nil {
		return nil, no
	}
	leaf, chain, no := a.certificates()
	if no != nil {
		return nil, no
	}
	if leaf.SerialNumber.String() != serial {
		return nil, untrusted("Serial number mismatch")
	}
	if no := s.trusts(leaf, chain, now); no != nil {
		return nil, no
	}
	canonical, err := a.canonicalRequest(c, names, endpoints.Quirks{}, signing.PayloadHash(a.body))
	if err != nil || !strings.Contains(";"+c.signedHeaders+";", ";host;") || !a.bareQuery() {
		return nil, &refusal{kind: malformed, message: "Bad Request"}
	}
	hash := sha256.Sum256([]byte(canonical))
	toSign := strings.Join([]string{
		c.algorithm, c.time.Format(signing.TimeFormat), strings.SplitN(c.credential, "/", 2)[1], hex.EncodeToString(hash[:]),
	}, "\n")
	if !signedBy(leaf, c, toSign) {
		return nil, &refusal{kind: mismatch, message: "The request signature we calculated does not match the signature you provided."}
	}
	return leaf, nil
}

// certificates reads the two headers.
func (a arrival) certificates() (leaf *x509.Certificate, chain []*x509.Certificate, no *refusal) {
	read := func(text string) *x509.Certificate {
		der, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil
		}
		c, err := x509.ParseCertificate(der)
		if err != nil || base64.StdEncoding.EncodeToString(c.Raw) != text {
			return nil
		}
		return c
	}
	if leaf = read(strings.Join(a.headers.Values("X-Amz-X509"), "\n")); leaf == nil {
		return nil, nil, untrusted("Malformed certificate")
	}
	text := strings.Join(a.headers.Values("X-Amz-X509-Chain"), "\n")
	for piece := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		c := read(piece)
		if c == nil {
			return nil, nil, untrusted("Malformed certificate chain")
		}
		chain = append(chain, c)
	}
	return leaf, chain, nil
}

// trusts checks a certificate against "Trust model" of the User Guide.
func (s *Sandbox) trusts(leaf *x509.Certificate, chain []*x509.Certificate, now time.Time) *refusal {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range s.opts.TrustAnchor {
		roots.AddCert(c)
	}
	for _, c := range chain {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	switch {
	case err != nil:
		return untrusted("Insufficient certificate")
	case leaf.Version != 3 || leaf.IsCA || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return untrusted("Insufficient certificate constraints")
	}
	return nil
}

// signedBy verifies with the certificate's key, whose algorithm must be the claimed one.
func signedBy(leaf *x509.Certificate, c claim, toSign string) bool {
	signature, err := hex.DecodeString(c.signature)
	if err != nil || c.signature != strings.ToLower(c.signature) {
		return false
	}
	digest := sha256.Sum256([]byte(toSign))
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return c.algorithm == "AWS4-X509-RSA-SHA256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		return c.algorithm == "AWS4-X509-ECDSA-SHA256" && ecdsa.VerifyASN1(key, digest[:], signature)
	}
	return false
}

// bareQuery reports whether each parameter occurs only once.
func (a arrival) bareQuery() bool {
	values, err := url.ParseQuery(a.query)
	for _, v := range values {
		if len(v) > 1 {
			return false
		}
	}
	return err == nil
}

// sessionOf returns the requested role and the length of its session.
func (s *Sandbox) sessionOf(a arrival) (Role, time.Duration, *refusal) {
	var in struct {
		DurationSeconds                     *int
		ProfileARN, RoleARN, TrustAnchorARN string
	}
	if len(bytes.TrimSpace(a.body)) > 0 && json.Unmarshal(a.body, &in) != nil {
		return Role{}, 0, &refusal{kind: malformed, message: "Malformed JSON"}
	}
	query, _ := url.ParseQuery(a.query) // parsed before
	for name, field := range map[string]*string{"profileArn": &in.ProfileARN, "roleArn": &in.RoleARN, "trustAnchorArn": &in.TrustAnchorARN} {
		if text := query.Get(name); text != "" {
			if *field != "" && *field != text {
				return Role{}, 0, &refusal{kind: invalid, message: name + " is given twice"}
			}
			*field = text
		}
	}
	d := time.Hour
	if in.DurationSeconds != nil {
		d = time.Duration(*in.DurationSeconds) * time.Second
	}
	role, known := s.roles[in.RoleARN]
	switch {
	case d < 15*time.Minute || d > 12*time.Hour:
		return Role{}, 0, &refusal{kind: invalid, message: "durationSeconds must be between 900 and 43200"}
	case !s.here(in.ProfileARN, ":profile/") || !s.here(in.TrustAnchorARN, ":trust-anchor/"):
		return Role{}, 0, &refusal{kind: invalid, message: "Invalid ARN"}
	case !known:
		return Role{}, 0, &refusal{kind: forbidden, message: "Unable to assume role for " + in.RoleARN}
	case d > role.MaxSession:
		return Role{}, 0, &refusal{kind: invalid, message: "durationSeconds exceeds the maximum session duration of the role"}
	}
	return role, d, nil
}

func (s *Sandbox) here(arn, kind string) bool {
	return strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":rolesanywhere:"+s.opts.Region+":") && strings.Contains(arn, kind)
}
