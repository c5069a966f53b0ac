package endpoints_test

import (
	"testing"

	"countersign/endpoints"
)

func TestQuirksOf(t *testing.T) {
	s3 := endpoints.Quirks{S3Style: true, ContentSHA256: true, UnsignedPayloadAllowed: true}
	outposts := s3
	outposts.SigV4aPreferred, outposts.SigV4aAllowed = true, true
	tests := map[string]endpoints.Quirks{
		"s3":                       s3,
		"s3express":                s3,
		"s3-object-lambda":         s3,
		"s3-outposts":              outposts,
		"s3tables":                 {},
		"s3vectors":                {},
		"s3files":                  {},
		"aoss":                     {ContentSHA256: true, ContentLengthUnsigned: true, UnsignedPayloadPartly: true},
		"glacier":                  {ContentSHA256: true},
		"vpc-lattice-svcs":         {ContentSHA256: true, UnsignedPayloadOnly: true, UnsignedPayloadAllowed: true, SigV4aAllowed: true},
		"iotdevicegateway":         {TokenAppended: true, UpgradePresigned: true},
		"transcribe":               {UpgradePresigned: true},
		"cloudfront-keyvaluestore": {SigV4aOnly: true, SigV4aAllowed: true},
		"sustainability":           {SigV4aPreferred: true, SigV4aAllowed: true},
		"sts":                      {SigV4aAllowed: true},
		"events":                   {},
		"execute-api":              {},
		"unheard-of":               {},
	}
	for service, want := range tests {
		if got := endpoints.QuirksOf(service); got != want {
			t.Errorf("QuirksOf(%q) = %+v, want %+v", service, got, want)
		}
	}
}

func TestInfer_ReturnsTheQuirksOfTheService(t *testing.T) {
	for host, service := range map[string]string{
		"photos.s3.eu-west-1.amazonaws.com":                            "s3",
		"b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com": "s3express",
		"s3tables.us-east-1.amazonaws.com":                             "s3tables",
		"abcdef.us-east-1.aoss.amazonaws.com":                          "aoss",
		"sqs.us-east-1.amazonaws.com":                                  "sqs",
	} {
		s, err := endpoints.Infer(host, "/")
		if err != nil || s.Service != service || s.Quirks != endpoints.QuirksOf(service) {
			t.Errorf("Infer(%q) = %s with %+v, %v, want %s with %+v", host, s.Service, s.Quirks, err, service, endpoints.QuirksOf(service))
		}
	}
	for host := range map[string]bool{"abc.def.endpoint.events.amazonaws.com": true, "abc.def.endpoints.email.us-gov.amazonaws.com": true} {
		if s, err := endpoints.Infer(host, "/"); err != nil || !s.Quirks.SigV4aOnly {
			t.Errorf("Infer(%q) = %+v, %v, want SigV4a only", host, s, err)
		}
	}
}

func TestOperationOf(t *testing.T) {
	unsigned := func(name string) endpoints.Operation { return endpoints.Operation{Name: name, Unsigned: true} }
	payload := func(name string) endpoints.Operation {
		return endpoints.Operation{Name: name, UnsignedPayload: true}
	}
	tests := []struct {
		name, service string
		call          endpoints.Call
		want          endpoints.Operation
	}{
		{
			"by target", "cognito-idp",
			endpoints.Call{Method: "POST", Path: "/", Target: "AWSCognitoIdentityProviderService.SignUp"},
			unsigned("SignUp"),
		},
		{
			"signed target", "cognito-idp",
			endpoints.Call{Method: "POST", Path: "/", Target: "AWSCognitoIdentityProviderService.AdminGetUser"},
			endpoints.Operation{},
		},
		{
			"by action", "sts",
			endpoints.Call{Method: "POST", Path: "/", Action: "AssumeRoleWithWebIdentity"},
			unsigned("AssumeRoleWithWebIdentity"),
		},
		{"signed action", "sts", endpoints.Call{Method: "POST", Path: "/", Action: "AssumeRole"}, endpoints.Operation{}},
		{"by path", "sso-oauth", endpoints.Call{Method: "POST", Path: "/token"}, unsigned("CreateToken")},
		{"longer path", "sso-oauth", endpoints.Call{Method: "POST", Path: "/token/"}, endpoints.Operation{}},
		{"shorter path", "sso-oauth", endpoints.Call{Method: "POST", Path: "/client"}, endpoints.Operation{}},
		{"other method", "sso-oauth", endpoints.Call{Method: "GET", Path: "/token"}, endpoints.Operation{}},
		{"path with names", "ebs", endpoints.Call{Method: "PUT", Path: "/snapshots/snap-1/blocks/7"}, payload("PutSnapshotBlock")},
		{"path with an empty name", "ebs", endpoints.Call{Method: "PUT", Path: "/snapshots//blocks/7"}, endpoints.Operation{}},
		{"path with a rest", "mediastore", endpoints.Call{Method: "PUT", Path: "/folder/clip.mp4"}, payload("PutObject")},
		{"path with no rest", "mediastore", endpoints.Call{Method: "PUT", Path: "/"}, endpoints.Operation{}},
		{"no path", "mediastore", endpoints.Call{Method: "PUT"}, endpoints.Operation{}},
		{"other service", "sqs", endpoints.Call{Method: "POST", Path: "/token"}, endpoints.Operation{}},
	}
	for _, tt := range tests {
		if got := endpoints.OperationOf(tt.service, tt.call); got != tt.want {
			t.Errorf("%s: OperationOf(%q, %+v) = %+v, want %+v", tt.name, tt.service, tt.call, got, tt.want)
		}
	}
}
