package sandbox

import (
	"encoding/xml"
	"net/http"
	"time"
)

// The documents of the AWS Security Token Service API Reference, with elements in the order of its examples.

type xmlError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func errorResponse(c code, message, requestID string) xmlError {
	fault := "Sender"
	if c.status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	return xmlError{Namespace: stsNamespace, Type: fault, Code: c.name, Message: message, RequestID: requestID}
}

type xmlCredentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

func credentialsOf(s session) xmlCredentials {
	return xmlCredentials{s.accessKeyID, s.secret, s.token, s.expires.Format(time.RFC3339)}
}

type xmlAssumeRole struct {
	XMLName        xml.Name       `xml:"AssumeRoleResponse"`
	Namespace      string         `xml:"xmlns,attr"`
	SourceIdentity string         `xml:"AssumeRoleResult>SourceIdentity,omitempty"`
	ARN            string         `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	AssumedRoleID  string         `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	Credentials    xmlCredentials `xml:"AssumeRoleResult>Credentials"`
	RequestID      string         `xml:"ResponseMetadata>RequestId"`
}

type xmlWebIdentity struct {
	XMLName       xml.Name       `xml:"AssumeRoleWithWebIdentityResponse"`
	Namespace     string         `xml:"xmlns,attr"`
	Subject       string         `xml:"AssumeRoleWithWebIdentityResult>SubjectFromWebIdentityToken"`
	Audience      string         `xml:"AssumeRoleWithWebIdentityResult>Audience"`
	ARN           string         `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>Arn"`
	AssumedRoleID string         `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>AssumedRoleId"`
	Credentials   xmlCredentials `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	Provider      string         `xml:"AssumeRoleWithWebIdentityResult>Provider"`
	RequestID     string         `xml:"ResponseMetadata>RequestId"`
}

type xmlSessionToken struct {
	XMLName     xml.Name       `xml:"GetSessionTokenResponse"`
	Namespace   string         `xml:"xmlns,attr"`
	Credentials xmlCredentials `xml:"GetSessionTokenResult>Credentials"`
	RequestID   string         `xml:"ResponseMetadata>RequestId"`
}

type xmlCallerIdentity struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}
