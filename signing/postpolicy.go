package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// PostPolicy is a permission to upload to S3 with an HTML form (S3 API Reference,
// "Browser-Based Uploads Using POST").
type PostPolicy struct {
	// Bucket is the bucket to upload to. Required.
	Bucket string
	// Fields are form fields with the exact values that must be sent, in the order in which they
	// are returned. A value that contains ${filename} leaves the rest to the uploader; see
	// [Filename].
	Fields []Parameter
	// StartsWith are form fields that the uploader fills in, with the prefixes of their values; an
	// empty prefix allows any value.
	StartsWith []Parameter
	// MinLength and MaxLength limit the size of the file in bytes. If MaxLength is zero there is no
	// limit.
	MinLength, MaxLength int64
	// Region is the bucket's region. Required.
	Region string
	// Time is when the permission becomes valid. Required.
	Time time.Time
	// Expires is how long it is valid, at most [MaxExpires]. Required.
	Expires time.Duration
	// Credentials are the keys to sign with. Required.
	Credentials Credentials
}

// PostForm is the content of an upload form.
type PostForm struct {
	// Fields are the form fields; the uploader's own fields and the file come after them.
	Fields []Parameter
	// Policy is the signed policy as JSON.
	Policy string
	// CredentialScope is "20151229/us-east-1/s3/aws4_request".
	CredentialScope string
	// Signature is hexadecimal.
	Signature string
}

// PostPolicy signs a policy (S3 API Reference, "POST Policy"; "Authenticating
// Requests in Browser-Based Uploads Using POST").
func (s *Signer) PostPolicy(p *PostPolicy) (PostForm, error) {
	scope := Scope{Service: "s3", Region: p.Region}
	if err := p.check(scope); err != nil {
		return PostForm{}, err
	}
	out := PostForm{
		Fields:          append([]Parameter(nil), p.Fields...),
		CredentialScope: CredentialScope(HMAC, p.Time, scope),
	}
	out.Fields = append(out.Fields,
		Parameter{"x-amz-algorithm", string(HMAC)},
		Parameter{"x-amz-credential", p.Credentials.AccessKeyID + "/" + out.CredentialScope},
		Parameter{"x-amz-date", formatTime(p.Time)})
	if token := p.Credentials.SessionToken(); token != "" {
		out.Fields = append(out.Fields, Parameter{"x-amz-security-token", token})
	}
	var err error
	if out.Policy, err = p.document(out.Fields); err != nil {
		return PostForm{}, err
	}
	key, err := DeriveKey(HMAC, p.Credentials, p.Time, scope)
	if err != nil {
		return PostForm{}, err
	}
	policy := base64.StdEncoding.EncodeToString([]byte(out.Policy)) // the string to sign
	if out.Signature, err = key.Sign(policy); err != nil {
		return PostForm{}, err
	}
	out.Fields = append(out.Fields, Parameter{"policy", policy}, Parameter{"x-amz-signature", out.Signature})
	return out, nil
}

// Filename is replaced by S3 with the name of the uploaded file. This happens in every field of a
// form, before S3 checks the policy (S3 API Reference, "Creating HTML Forms" and "POST Policy"), so
// the policy can check no more of a value than what precedes it.
const Filename = "${filename}"

// document returns the policy as JSON, with a condition for every field of the form, as S3
// requires.
func (p *PostPolicy) document(fields []Parameter) (string, error) {
	conditions := []any{map[string]string{"bucket": p.Bucket}}
	for _, f := range fields {
		if prefix, _, open := strings.Cut(f.Value, Filename); open {
			conditions = append(conditions, []string{"starts-with", "$" + f.Name, prefix})
		} else {
			conditions = append(conditions, map[string]string{f.Name: f.Value})
		}
	}
	for _, f := range p.StartsWith {
		conditions = append(conditions, []string{"starts-with", "$" + f.Name, f.Value})
	}
	if p.MaxLength > 0 {
		conditions = append(conditions, []any{"content-length-range", p.MinLength, p.MaxLength})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Expiration string `json:"expiration"`
		Conditions []any  `json:"conditions"`
	}{p.Time.Add(p.Expires).UTC().Format("2006-01-02T15:04:05.000Z"), conditions})
	return strings.TrimSuffix(text.String(), "\n"), err
}

func (p *PostPolicy) check(scope Scope) error {
	switch {
	case p.Bucket == "":
		return inputError(InputBucket, "is missing")
	case p.Expires < time.Second || p.Expires > MaxExpires:
		return inputError(InputExpires, "must be from 1 to 604800 seconds")
	case p.MinLength < 0 || p.MaxLength < 0 || p.MaxLength > 0 && p.MinLength > p.MaxLength || p.MaxLength == 0 && p.MinLength > 0:
		return inputError(InputMaxLength, "must not be less than the minimum length")
	}
	hasKey := false
	for _, list := range []struct {
		part       InputPart
		parameters []Parameter
	}{{InputFields, p.Fields}, {InputStartsWith, p.StartsWith}} {
		for i, f := range list.parameters {
			name := strings.ToLower(f.Name)
			hasKey = hasKey || name == "key"
			_, sound := fold(f.Value)
			reason := ""
			switch name {
			case "":
				reason = "has no name"
			case "bucket", "file", "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature":
				reason = "is set by signing or sent with the file and cannot be given"
			}
			switch {
			case reason != "":
			case !tokenChars.all(f.Name):
				reason = "must be the name of a form field"
			case !sound || !utf8.ValidString(f.Value):
				reason = "contains a line break, another control character or invalid UTF-8"
			case list.part == InputStartsWith && strings.Contains(f.Value, Filename):
				reason = "contains ${filename}, which is replaced in fields but not in their prefixes"
			}
			if reason != "" {
				return &InputError{Part: list.part, Index: i, Name: f.Name, Reason: reason}
			}
		}
	}
	if !hasKey {
		return inputError(InputFields, "have no key for the object")
	}
	return checkSigner(HMAC, scope, p.Time, p.Credentials)
}
