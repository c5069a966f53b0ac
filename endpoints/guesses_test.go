package endpoints_test

import (
	"strings"
	"testing"

	"countersign/endpoints"
)

// A service that is not in the table must be marked as a guess, whether the label is used as it is
// or its form says more.
func TestInfer_Guesses(t *testing.T) {
	tests := []struct {
		name, host, want string
		guessed          bool
	}{
		{"service in the table", "sqs.eu-west-1.amazonaws.com", "sqs", false},
		{"label in the table", "email.eu-west-1.amazonaws.com", "ses", false},
		{"service without a region", "iam.amazonaws.com", "iam", false},
		{"service of the suffix", "eu-west-1.signin.aws.amazon.com", "signin", false},
		{"bucket", "brandnew.s3.eu-west-1.amazonaws.com", "s3", false},
		{"VPC endpoint of a service in the table", "vpce-1a2b-3c4d.kms.us-east-1.vpce.amazonaws.com", "kms", false},
		{"third-party store", "acct.r2.cloudflarestorage.com", "s3", false},

		{"unknown service", "brandnew.eu-west-1.amazonaws.com", "brandnew", true},
		{"unknown service, FIPS and dual-stack", "brandnew-fips.eu-west-1.api.aws", "brandnew", true},
		{"unknown service, no region", "brandnew.global.api.aws", "brandnew", true},
		{"unknown service, VPC endpoint", "vpce-1a2b-3c4d.brandnew.us-east-1.vpce.amazonaws.com", "brandnew", true},
		{"operation prefix before a service", "streaming-logs.eu-west-1.amazonaws.com", "logs", true},
		{"operation prefix, FIPS", "streaming-logs-fips.us-east-1.amazonaws.com", "logs", true},
		{"operation prefix before a label", "sync-states.eu-west-1.amazonaws.com", "states", false},
		{"operation prefix before another service", "sync-sqs.eu-west-1.amazonaws.com", "sqs", true},
		{"two labels joined", "data-iot.eu-west-1.api.aws", "iotdata", true},
		{"two labels joined, of the same service", "api-sagemaker.eu-west-1.api.aws", "sagemaker", true},
		{"runtime of a service", "kendra-runtime.eu-west-1.amazonaws.com", "kendra", true},
		{"control plane of a service", "polly-control-plane.eu-west-1.amazonaws.com", "polly", true},
		{"cell", "kinesis-pod2.us-west-2.amazonaws.com", "kinesis", true},
		{"cell of a label", "123456789012.data-kinesis-pod1-fips.us-east-1.amazonaws.com", "kinesis", true},
		{"unknown prefix", "fancy-logs.eu-west-1.amazonaws.com", "fancy-logs", true},
		{"operation prefix before an unknown service", "sync-brandnew.eu-west-1.amazonaws.com", "sync-brandnew", true},
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
