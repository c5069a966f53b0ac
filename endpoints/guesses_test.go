package endpoints_test

import (
	"strings"
	"testing"

	"countersign/endpoints"
)

// TestInferGuesses: what stands in no table is marked, whether the label is
// taken as it is or its form says more.
func TestInferGuesses(t *testing.T) {
	tests := []struct {
		name, host, want string
		guessed          bool
	}{
		{"service of the table", "sqs.eu-west-1.amazonaws.com", "sqs", false},
		{"label of the table", "email.eu-west-1.amazonaws.com", "ses", false},
		{"service without a region", "iam.amazonaws.com", "iam", false},
		{"service of the suffix", "eu-west-1.signin.aws.amazon.com", "signin", false},
		{"bucket", "brandnew.s3.eu-west-1.amazonaws.com", "s3", false},
		{"VPC endpoint of the table", "vpce-1a2b-3c4d.kms.us-east-1.vpce.amazonaws.com", "kms", false},
		{"store of another maker", "acct.r2.cloudflarestorage.com", "s3", false},

		{"nothing known", "brandnew.eu-west-1.amazonaws.com", "brandnew", true},
		{"nothing known, FIPS and dual-stack", "brandnew-fips.eu-west-1.api.aws", "brandnew", true},
		{"nothing known, no region", "brandnew.global.api.aws", "brandnew", true},
		{"nothing known, VPC endpoint", "vpce-1a2b-3c4d.brandnew.us-east-1.vpce.amazonaws.com", "brandnew", true},
		{"word of an operation before a service", "streaming-logs.eu-west-1.amazonaws.com", "logs", true},
		{"word of an operation, FIPS", "streaming-logs-fips.us-east-1.amazonaws.com", "logs", true},
		{"word of an operation before a label", "sync-states.eu-west-1.amazonaws.com", "states", false},
		{"word of an operation before another service", "sync-sqs.eu-west-1.amazonaws.com", "sqs", true},
		{"two labels joined", "data-iot.eu-west-1.api.aws", "iotdata", true},
		{"two labels joined, of one service", "api-sagemaker.eu-west-1.api.aws", "sagemaker", true},
		{"side of a service", "kendra-runtime.eu-west-1.amazonaws.com", "kendra", true},
		{"control plane of a service", "polly-control-plane.eu-west-1.amazonaws.com", "polly", true},
		{"cell", "kinesis-pod2.us-west-2.amazonaws.com", "kinesis", true},
		{"cell of a label", "123456789012.data-kinesis-pod1-fips.us-east-1.amazonaws.com", "kinesis", true},
		{"another word", "fancy-logs.eu-west-1.amazonaws.com", "fancy-logs", true},
		{"word before nothing known", "sync-brandnew.eu-west-1.amazonaws.com", "sync-brandnew", true},
	}
	for _, tt := range tests {
		s, err := endpoints.Infer(tt.host, "/")
		if err != nil || s.Service != tt.want || s.Guessed != tt.guessed {
			t.Errorf("%s: Infer(%q) = %s, guessed %t, %v, want %s, %t", tt.name, tt.host, s.Service, s.Guessed, err, tt.want, tt.guessed)
		}
		if strings.Contains(s.Why, "guess") != tt.guessed {
			t.Errorf("%s: Infer(%q) says %q", tt.name, tt.host, s.Why)
		}
	}
}
