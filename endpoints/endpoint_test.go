package endpoints_test

import (
	_ "embed"
	"strings"
	"testing"

	"countersign/endpoints"
)

// sdkEndpoints are botocore 1.43.11's endpoints in eu-west-1: signing name, host, signing region.
//
//go:embed testdata/endpoints.tsv
var sdkEndpoints string

// Endpoint must find every signing name that has one endpoint in the SDK, and none that has
// several, except S3's.
func TestEndpoint_MatchesTheSDK(t *testing.T) {
	hosts := map[string][]string{}
	for line := range strings.Lines(sdkEndpoints) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		hosts[f[0]] = append(hosts[f[0]], f[1]+" "+f[2])
	}
	found := 0
	for service, list := range hosts {
		_, region, _ := strings.Cut(list[0], " ")
		host, ok := endpoints.Endpoint(service, region)
		switch {
		case service == "codecatalyst" || service == "importexport": // another kind of token; another name
		case service == "s3":
			if host != "s3.eu-west-1.amazonaws.com" {
				t.Errorf("s3: %q", host)
			}
		case len(list) > 1 && ok:
			t.Errorf("%s: %q, but the SDK has %q", service, host, list)
		case len(list) == 1 && host+" "+region != list[0]:
			t.Errorf("%s: %q, but the SDK has %q", service, host, list)
		default:
			found++
		}
	}
	if found < 350 {
		t.Errorf("only %d signing names", found)
	}
}

func TestEndpoint_OtherPartitionsAndUnknownScopes(t *testing.T) {
	for scope, want := range map[string]string{
		"sqs cn-north-1": "sqs.cn-north-1.amazonaws.com.cn", "sqs us-gov-west-1": "sqs.us-gov-west-1.amazonaws.com",
		"sqs us-iso-east-1": "sqs.us-iso-east-1.c2s.ic.gov", "sqs eusc-de-east-1": "sqs.eusc-de-east-1.amazonaws.eu",
		"sqs nowhere": "", "nothing eu-west-1": "", "evil.example/ eu-west-1": "", "sqs evil.example/": "", "sqs ": "", "iam cn-north-1": "",
		"iam eu-west-1": "",
	} {
		service, region, _ := strings.Cut(scope, " ")
		if host, ok := endpoints.Endpoint(service, region); host != want || ok != (want != "") {
			t.Errorf("%s: %q, want %q", scope, host, want)
		}
	}
}
