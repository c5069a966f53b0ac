package endpoints_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/endpoints"
)

func ExampleInfer() {
	s, err := endpoints.Infer("a1b2c3.execute-api.eu-west-1.amazonaws.com", "/prod/orders")
	fmt.Println(s.Service, s.Region, s.Algorithm, err)
	fmt.Println(s.Why)
	// Output:
	// execute-api eu-west-1 AWS4-HMAC-SHA256 <nil>
	// the host names the service execute-api and the region eu-west-1
}

func ExampleInferError() {
	_, err := endpoints.Infer("photos.s3-accelerate.amazonaws.com", "/cat.jpg")
	var inferErr *endpoints.InferError
	if errors.As(err, &inferErr) {
		fmt.Println(inferErr.Service, "needs the", inferErr.Field)
	}
	fmt.Println(inferErr.Reason)
	// Output:
	// s3 needs the region
	// accelerated S3 hosts do not name the bucket's region, so the caller must give the region
}

// TestInfer_Forms has one host of each form, mainly forms that are not in the sample.
func TestInfer_Forms(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"service and region", "lambda.eu-west-1.amazonaws.com", "lambda eu-west-1 sigv4"},
		{"a service that the table does not hold", "brandnew.eu-west-1.amazonaws.com", "brandnew eu-west-1 sigv4"},
		{"a region that the table does not hold", "sqs.eu-middle-7.amazonaws.com", "sqs eu-middle-7 sigv4"},
		{"the last of several labels", "runtime.sagemaker.us-east-2.amazonaws.com", "sagemaker us-east-2 sigv4"},
		{"label exception", "email.us-west-2.amazonaws.com", "ses us-west-2 sigv4"},
		{"case matters in the name", "api.tunneling.iot.us-east-1.amazonaws.com", "IoTSecuredTunneling us-east-1 sigv4"},
		{"exception for a whole host only", "pinpoint.us-east-1.amazonaws.com", "mobiletargeting us-east-1 sigv4"},
		{"two labels before one", "sms-voice.pinpoint.us-east-1.amazonaws.com", "sms-voice us-east-1 sigv4"},
		{"FIPS at the end", "kms-fips.ca-west-1.amazonaws.com", "kms ca-west-1 sigv4"},
		{"FIPS in the middle", "runtime-fips.lex.us-east-1.amazonaws.com", "lex us-east-1 sigv4"},
		{"FIPS in front", "fips.eks.us-east-1.amazonaws.com", "eks us-east-1 sigv4"},
		{"dual-stack suffix", "athena.us-east-1.api.aws", "athena us-east-1 sigv4"},
		{"GovCloud by its region", "sts.us-gov-west-1.amazonaws.com", "sts us-gov-west-1 sigv4"},
		{"China", "sns.cn-north-1.amazonaws.com.cn", "sns cn-north-1 sigv4"},
		{"European Sovereign Cloud", "sns.eusc-de-east-1.amazonaws.eu", "sns eusc-de-east-1 sigv4"},

		{"global", "iam.amazonaws.com", "iam us-east-1 sigv4"},
		{"global in China", "iam.amazonaws.com.cn", "iam cn-north-1 sigv4"},
		{"global elsewhere in China", "route53.amazonaws.com.cn", "route53 cn-northwest-1 sigv4"},
		{"global by its label", "route53.global.api.aws", "route53 us-east-1 sigv4"},
		{"global of GovCloud", "iam.us-gov.amazonaws.com", "iam us-gov-west-1 sigv4"},
		{"a region before us-gov", "routes.geo.us-gov-east-1.us-gov.amazonaws.com/v2", "geo-routes us-gov-east-1 sigv4"},
		{"signs elsewhere than its host says", "api.sustainability.eu-west-1.api.aws", "sustainability us-east-1 sigv4"},
		{"signs elsewhere, under another name", "importexport.eu-west-1.amazonaws.com", "IngestionService us-east-1 sigv4"},

		{"bucket", "photos.s3.eu-west-1.amazonaws.com", "s3 eu-west-1 sigv4"},
		{"bucket that looks like an API", "execute-api.us-east-1.s3.eu-west-1.amazonaws.com", "s3 eu-west-1 sigv4"},
		{"bucket that looks like an API, no region", "execute-api.us-east-1.s3.amazonaws.com", "s3 us-east-1 sigv4"},
		{"bucket called es", "es.s3.us-west-2.amazonaws.com", "s3 us-west-2 sigv4"},
		{"bucket called dualstack", "dualstack.s3.us-west-2.amazonaws.com", "s3 us-west-2 sigv4"},
		{"bucket, dual-stack", "photos.s3.dualstack.eu-west-1.amazonaws.com", "s3 eu-west-1 sigv4"},
		{"bucket, FIPS and dual-stack", "photos.s3-fips.dualstack.us-east-1.amazonaws.com", "s3 us-east-1 sigv4"},
		{"S3 without a region", "s3.amazonaws.com/photos/cat.jpg", "s3 us-east-1 sigv4"},
		{"S3 by its external name", "photos.s3-external-1.amazonaws.com", "s3 us-east-1 sigv4"},
		{"S3 with a dash", "photos.s3-us-west-2.amazonaws.com", "s3 us-west-2 sigv4"},
		{"S3 control", "123456789012.s3-control-fips.dualstack.us-east-1.amazonaws.com", "s3 us-east-1 sigv4"},
		{"S3 directory bucket", "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", "s3express us-east-1 sigv4"},
		{
			"S3 directory bucket in a local zone", "b--usw2-lax1-az1--x-s3.s3express-usw2-lax1-az1.us-west-2.amazonaws.com",
			"s3express us-west-2 sigv4",
		},
		{"S3 on Outposts", "ap-123456789012.op-01234567890123456.s3-outposts.us-west-2.amazonaws.com", "s3-outposts us-west-2 sigv4"},
		{"S3 multi-Region access point", "mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com", "s3 * sigv4a"},
		{"S3 Tables is no S3", "s3tables.us-east-1.amazonaws.com", "s3tables us-east-1 sigv4"},
		{"S3 accelerated", "photos.s3-accelerate.amazonaws.com", "s3 - sigv4"},
		{"S3 accelerated, dual-stack", "photos.s3-accelerate.dualstack.amazonaws.com", "s3 - sigv4"},
		{"S3 accelerated, dual-stack, dots in the bucket", "my.photos.s3-accelerate.dualstack.amazonaws.com", "s3 - sigv4"},
		{"S3 accelerated, dual-stack, bucket in the path", "s3-accelerate.dualstack.amazonaws.com/photos/cat.jpg", "s3 - sigv4"},

		{"EventBridge global endpoint", "abc123.456def.endpoint.events.amazonaws.com", "events * sigv4a"},
		{"SES global endpoint", "abc123.456def.endpoints.email.global.api.aws", "ses * sigv4a"},
		{"CloudFront KeyValueStore", "123456789012.cloudfront-kvs.global.api.aws", "cloudfront-keyvaluestore * sigv4a"},

		{"VPC endpoint", "vpce-1a2b-3c4d-us-east-1a.monitoring.us-east-1.vpce.amazonaws.com", "monitoring us-east-1 sigv4"},
		{"VPC endpoint, label exception", "vpce-1a2b-3c4d.email.us-east-1.vpce.amazonaws.com", "ses us-east-1 sigv4"},
		{"VPC endpoint of S3, with a bucket", "photos.bucket.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com", "s3 us-east-1 sigv4"},
		{"VPC endpoint of an access point of all regions", "vpce-1a2b-3c4d.accesspoint.s3-global.vpce.amazonaws.com", "s3 * sigv4a"},
		{"API behind a VPC endpoint", "a1b2c3-vpce-1a2b.execute-api.us-east-1.amazonaws.com", "execute-api us-east-1 sigv4"},

		{"region before es", "search-orders-abcdef.eu-west-1.es.amazonaws.com", "es eu-west-1 sigv4"},
		{"region before aoss", "abcdef.us-east-1.aoss.amazonaws.com", "aoss us-east-1 sigv4"},
		{"region before aoss-fips", "abcdef.us-east-1.aoss-fips.amazonaws.com", "aoss us-east-1 sigv4"},
		{"region before osis", "logs-abcdef.us-east-1.osis.amazonaws.com", "osis us-east-1 sigv4"},
		{"SQS as it once was", "us-west-2.queue.amazonaws.com/123456789012/orders", "sqs us-west-2 sigv4"},
		{"SQS as it once was, first region", "queue.amazonaws.com", "sqs us-east-1 sigv4"},
		{"Neptune in China", "db.cluster-c123.neptune.cn-north-1.amazonaws.com.cn:8182", "neptune-db cn-north-1 sigv4"},

		{"Lambda function URL", "abcdefgh.lambda-url.eu-west-1.on.aws", "lambda eu-west-1 sigv4"},
		{"OpenSearch on dual-stack", "search-orders.aos.eu-west-1.on.aws", "es eu-west-1 sigv4"},
		{"VPC Lattice", "svc-0123.7d67968.vpc-lattice-svcs.eu-west-1.on.aws", "vpc-lattice-svcs eu-west-1 sigv4"},
		{"OpenSearch Serverless on FIPS", "123456789012.aoss-fips.us-east-1.on.aws", "aoss us-east-1 sigv4"},

		{"IoT control", "iot.eu-west-1.amazonaws.com", "iot eu-west-1 sigv4"},
		{"IoT data", "a3qjexampleffp-ats.iot.eu-west-1.amazonaws.com/topics/t", "iotdata eu-west-1 sigv4"},
		{"IoT over WebSocket", "a3qjexampleffp-ats.iot.eu-west-1.amazonaws.com/mqtt", "iotdevicegateway eu-west-1 sigv4"},
		{"IoT data of an odd name", "data-ats.iot.eu-west-1.amazonaws.com", "iotdata eu-west-1 sigv4"},
		{"maps, first generation", "maps.geo.eu-west-1.amazonaws.com/maps/v0/maps/m/style-descriptor", "geo eu-west-1 sigv4"},
		{"maps", "maps.geo.eu-west-1.amazonaws.com/v2/styles/Standard/descriptor", "geo-maps eu-west-1 sigv4"},
		{"places without a path", "places.geo.eu-west-1.amazonaws.com", "geo-places eu-west-1 sigv4"},
		{"control plane of maps", "cp.maps.geo.eu-west-1.amazonaws.com", "geo eu-west-1 sigv4"},
		{"control plane of places, FIPS", "cp.places.geo-fips.us-gov-west-1.amazonaws.com", "geo us-gov-west-1 sigv4"},
		{"control plane of routes, dual-stack", "cp.routes.geo.eu-west-1.api.aws/v2", "geo eu-west-1 sigv4"},
		{"control plane of trackers", "cp.tracking.geo.eu-west-1.amazonaws.com", "geo eu-west-1 sigv4"},
		{"cp in the middle is no control plane", "x.cpmaps.maps.geo.eu-west-1.amazonaws.com", "geo-maps eu-west-1 sigv4"},
		{"geofences", "geofencing.geo.eu-west-1.amazonaws.com/geofencing/v0/collections", "geo eu-west-1 sigv4"},
		{"tunnel to an instance", "eice-0123.abc.ec2-instance-connect-endpoint.eu-west-1.amazonaws.com", "ec2-instance-connect eu-west-1 sigv4"},
		{"event buses of the second version", "123456789012.eventsv2.eu-west-1.amazonaws.com", "events eu-west-1 sigv4"},
		{"Git", "git-codecommit.eu-west-1.amazonaws.com/v1/repos/r", "codecommit eu-west-1 sigv4"},

		{"sign-in", "eu-west-1.signin.aws.amazon.com/v1/token", "signin eu-west-1 sigv4"},
		{"sign-in by OAuth", "eu-west-1.oauth.signin.aws/v1/token", "signin eu-west-1 sigv4"},
		{"sign-in in China", "cn-northwest-1.signin.amazonaws.cn", "signin cn-northwest-1 sigv4"},
		{"sign-in in GovCloud, FIPS", "us-gov-east-1.signin-fips.amazonaws-us-gov.com", "signin us-gov-east-1 sigv4"},
		{"sign-in in GovCloud, FIPS, without a region", "signin-fips.amazonaws-us-gov.com", "signin us-gov-west-1 sigv4"},
		{"sign-in in the European Sovereign Cloud", "eusc-de-east-1.signin.amazonaws-eusc.eu", "signin eusc-de-east-1 sigv4"},
		{"sign-in in aws-iso", "us-iso-west-1.signin.c2shome.ic.gov", "signin us-iso-west-1 sigv4"},
		{"sign-in in aws-iso-b", "us-isob-east-1.signin.sc2shome.sgov.gov", "signin us-isob-east-1 sigv4"},
		{"sign-in in aws-iso-e", "eu-isoe-west-1.signin.csphome.adc-e.uk", "signin eu-isoe-west-1 sigv4"},
		{"sign-in in aws-iso-f", "us-isof-south-1.signin.csphome.hci.ic.gov", "signin us-isof-south-1 sigv4"},
		{"sign-in elsewhere", "us-east-1.signin.amazonaws.com", "signin us-east-1 sigv4"},
		{"sign-in's control plane", "signin-fips.us-east-1.api.aws", "signin us-east-1 sigv4"},
		{"MLflow", "t-abcdefghijkl.eu-west-1.experiments.sagemaker.aws", "sagemaker-mlflow eu-west-1 sigv4"},
		{"Chime messaging", "node001.ue1.ws-messaging.chime.aws", "chime us-east-1 sigv4"},
		{"Product Advertising", "webservices.amazon.com.au/paapi5/getitems", "ProductAdvertisingAPI us-west-2 sigv4"},
		{"Selling Partner", "sellingpartnerapi-eu.amazon.com", "execute-api eu-west-1 sigv4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := scopes(t, []string{tt.url})[0]
			if s := got.service + " " + got.region + " " + got.algorithm; s != tt.want {
				t.Errorf("the scope of %q is %s, want %s (%s)", tt.url, s, tt.want, got.note)
			}
		})
	}
}

func TestInfer_Spellings(t *testing.T) {
	const want = "execute-api eu-west-1"
	for _, host := range []string{
		"a1.execute-api.eu-west-1.amazonaws.com",
		"A1.Execute-API.EU-WEST-1.AmazonAWS.COM",
		"a1.execute-api.eu-west-1.amazonaws.com.",
		"a1.execute-api.eu-west-1.amazonaws.com:443",
		"a1.execute-api.eu-west-1.amazonaws.com.:8443",
		"xn--bcher-kva.execute-api.eu-west-1.amazonaws.com",
		"under_score.execute-api.eu-west-1.amazonaws.com",
		strings.Repeat("a.", 107) + "execute-api.eu-west-1.amazonaws.com", // 249 bytes
		strings.Repeat("a", 63) + ".execute-api.eu-west-1.amazonaws.com",
	} {
		s, err := endpoints.Infer(host, "/")
		if got := s.Service + " " + s.Region; err != nil || got != want {
			t.Errorf("Infer(%q) = %s, %v, want %s", host, got, err, want)
		}
	}
}

func TestInfer_Errors(t *testing.T) {
	tests := []struct {
		name, host string
		kind       endpoints.Kind
		field      string
		known      string // service, region, partition
		reason     string
	}{
		{"custom domain", "api.example.com", endpoints.NotAWS, "service", "  ", "custom domain"},
		{"label on the right", "execute-api.us-east-1.amazonaws.com.example.org", endpoints.NotAWS, "service", "  ", "not a host of an AWS API"},
		{"label on the right of a bucket", "photos.s3.amazonaws.com.evil.example", endpoints.NotAWS, "service", "  ", "not a host of an AWS API"},
		{"joined to the suffix", "sqs.us-east-1.notamazonaws.com", endpoints.NotAWS, "service", "  ", "not a host of an AWS API"},
		{"dash for a dot", "sqs.us-east-1-amazonaws.com", endpoints.NotAWS, "service", "  ", "not a host of an AWS API"},
		{"region of another partition", "sqs.cn-north-1.amazonaws.com", endpoints.NotAWS, "service", "  ", "aws-cn"},
		{"IPv4", "192.0.2.7", endpoints.NotAWS, "service", "  ", "not a host of an AWS API"},
		{"IPv6", "[2001:db8::1]", endpoints.NotAWS, "service", "  ", "IP address"},
		{"IPv6 with a port", "[2001:db8::1]:443", endpoints.NotAWS, "service", "  ", "IP address"},
		{"empty", "", endpoints.NotAWS, "service", "  ", "empty"},
		{"a dot alone", ".", endpoints.NotAWS, "service", "  ", "empty"},
		{"two trailing dots", "sqs.us-east-1.amazonaws.com..", endpoints.NotAWS, "service", "  ", "label of the host is empty"},
		{"empty label", "sqs..us-east-1.amazonaws.com", endpoints.NotAWS, "service", "  ", "label of the host is empty"},
		{"leading dot", ".sqs.us-east-1.amazonaws.com", endpoints.NotAWS, "service", "  ", "label of the host is empty"},
		{"Unicode", "bücher.s3.amazonaws.com", endpoints.NotAWS, "service", "  ", "character"},
		{"letter that folds to ASCII", "s\u017fm.us-east-1.amazonaws.com", endpoints.NotAWS, "service", "  ", "character"},
		{"full-width dot", "sqs.us-east-1\uff0eamazonaws.com", endpoints.NotAWS, "service", "  ", "character"},
		{"NUL", "sqs.us-east-1.amazonaws.com\x00.example", endpoints.NotAWS, "service", "  ", "character"},
		{"line end", "sqs.us-east-1.amazonaws.com\r\n", endpoints.NotAWS, "service", "  ", "character"},
		{"userinfo", "sqs.us-east-1.amazonaws.com@example.com", endpoints.NotAWS, "service", "  ", "character"},
		{"percent", "sqs%2eus-east-1.amazonaws.com", endpoints.NotAWS, "service", "  ", "character"},
		{"invalid port", "sqs.us-east-1.amazonaws.com:https", endpoints.NotAWS, "service", "  ", "port"},
		{"two ports", "sqs.us-east-1.amazonaws.com:443:443", endpoints.NotAWS, "service", "  ", "character"},
		{"port alone", ":443", endpoints.NotAWS, "service", "  ", "empty"},
		{"255 bytes", strings.Repeat("a.", 110) + "execute-api.eu-west-1.amazonaws.com", endpoints.NotAWS, "service", "  ", "253"},
		{"long label", strings.Repeat("a", 64) + ".s3.amazonaws.com", endpoints.NotAWS, "service", "  ", "63"},

		{"suffix alone", "amazonaws.com", endpoints.Ambiguous, "service", "  aws", "names no service"},
		{"all regions alone", "global.api.aws", endpoints.Ambiguous, "service", "  aws", "names no service"},
		{"all of GovCloud alone", "us-gov.amazonaws.com", endpoints.Ambiguous, "service", "  aws", "names no service"},
		{"VPC endpoints alone", "vpce.amazonaws.com", endpoints.Ambiguous, "service", "  aws", "names no service"},
		{"region alone", "eu-west-1.amazonaws.com", endpoints.Ambiguous, "service", " eu-west-1 aws", "names no service"},
		{"accelerated bucket", "photos.s3-accelerate.amazonaws.com", endpoints.Ambiguous, "region", "s3  aws", "accelerated"},
		{"regional service without a region", "lambda.amazonaws.com", endpoints.Ambiguous, "region", "lambda  aws", "no region"},
		{"S3 control without a region", "123456789012.s3-control.amazonaws.com", endpoints.Ambiguous, "region", "s3  aws", "no region"},
		{"unknown form", "a.b.amazonaws.com", endpoints.Ambiguous, "service", "  aws", "not known"},
		{"unknown service after the region", "a.us-east-1.brandnew.amazonaws.com", endpoints.Ambiguous, "service", " us-east-1 aws", "brandnew"},
		{"unknown label under on.aws", "a.brandnew.us-east-1.on.aws", endpoints.Ambiguous, "service", " us-east-1 aws", "brandnew"},
		{
			"someone else's endpoint service", "vpce-1a2b-3c4d.vpce-svc-0123.us-east-1.vpce.amazonaws.com", endpoints.Ambiguous, "service",
			" us-east-1 aws", "VPC endpoint",
		},
		{
			"VPC endpoint without a service", "vpce-1a2b-3c4d.us-east-1.vpce.amazonaws.com", endpoints.Ambiguous, "service", " us-east-1 aws",
			"VPC endpoint",
		},
		{"VPC endpoint without a region", "vpce-1a2b-3c4d.sqs.nowhere.vpce.amazonaws.com", endpoints.Ambiguous, "region", "  aws", "no region"},
		{"sign-in without a region", "www.signin.aws.amazon.com", endpoints.Ambiguous, "region", "signin  aws", "no region"},

		{"Docker registry", "123456789012.dkr.ecr.us-east-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "registry password"},
		{"Kubernetes", "ABCDEF.gr7.us-east-1.eks.amazonaws.com", endpoints.NoSigV4, "", "  aws", "Kubernetes bearer token"},
		{"website with a dot", "b.s3-website.eu-central-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "no signature"},
		{"website with a dash", "b.s3-website-us-east-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "no signature"},
		{"IoT credentials", "c3q.credentials.iot.us-gov-west-1.amazonaws.com", endpoints.NoSigV4, "", "  aws-us-gov", "device certificate"},
		{"an instance", "ec2-192-0-2-7.eu-west-1.compute.amazonaws.com", endpoints.NoSigV4, "", "  aws", "instance"},
		{"an instance of the first region", "ec2-192-0-2-7.compute-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "instance"},
		{"a load balancer", "web-123.us-east-1.elb.amazonaws.com", endpoints.NoSigV4, "", "  aws", "load balancer"},
		{"a database", "db.abc.us-east-1.rds.amazonaws.com:5432", endpoints.NoSigV4, "", "  aws", "database login"},
		{"a database under on.aws", "abc.dsql.us-east-1.on.aws", endpoints.NoSigV4, "", "  aws", "database login"},
		{"a broker", "b-1.orders.abc.c2.kafka.us-east-1.amazonaws.com:9098", endpoints.NoSigV4, "", "  aws", "Kafka"},
		{"Cognito pages", "login.auth.eu-west-1.amazoncognito.com", endpoints.NoSigV4, "", "  aws", "OAuth"},
		{"distribution", "d111111abcdef8.cloudfront.net", endpoints.NoSigV4, "", "  aws", "origin"},
		{"the caller's address", "checkip.amazonaws.com", endpoints.NoSigV4, "", "  aws", "to everyone"},
		{"the caller's address, dual-stack", "checkip.global.api.aws", endpoints.NoSigV4, "", "  aws", "to everyone"},
		{"address ranges", "ip-ranges.amazonaws.com", endpoints.NoSigV4, "", "  aws", "address ranges"},
		{"price lists", "pricing.us-east-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "price lists are public"},
		{"database certificates", "truststore.pki.rds.amazonaws.com", endpoints.NoSigV4, "", "  aws", "public certificates"},
		{"load balancer keys", "public-keys.auth.elb.eu-west-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "public keys"},
		{"the documentation", "docs.aws.amazon.com", endpoints.NoSigV4, "", "  aws", "public web pages"},
		{"open MCP server", "knowledge-mcp.global.api.aws", endpoints.NoSigV4, "", "  aws", "open to everyone"},
		{"certificates", "ocsp.sca1b.amazontrust.com", endpoints.NoSigV4, "", "  aws", "public certificates"},
		{"a database in China", "db.abc.rds.cn-north-1.amazonaws.com.cn", endpoints.NoSigV4, "", "  aws-cn", "database login"},
		{"an application's page", "es-1.emrappui-prod.us-east-1.amazonaws.com", endpoints.NoSigV4, "", "  aws", "a person's login"},
		{"an application in China", "app.cn-north-1.eb.amazonaws.com.cn", endpoints.NoSigV4, "", "  aws-cn", "application"},
		{"access portal", "ssoins-1234.portal.us-east-1.app.aws", endpoints.NoSigV4, "", "  aws", "a person's login"},

		{"bearer tokens only", "codecatalyst.global.api.aws", endpoints.NoSigV4, "", "codecatalyst  aws", "bearer token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := endpoints.Infer(tt.host, "/")
			var r *endpoints.InferError
			if !errors.As(err, &r) {
				t.Fatalf("Infer(%q) = %+v, %v, want an InferError", tt.host, s, err)
			}
			if r.Kind != tt.kind || r.Field != tt.field || r.Host != tt.host {
				t.Errorf("Infer(%q) fails with kind %d, field %q, host %q, want %d, %q", tt.host, r.Kind, r.Field, r.Host, tt.kind, tt.field)
			}
			if known := r.Service + " " + r.Region + " " + r.Partition; known != tt.known {
				t.Errorf("Infer(%q) fails but knows %q, want %q", tt.host, known, tt.known)
			}
			if !strings.Contains(r.Reason, tt.reason) || strings.ContainsAny(r.Reason, "\r\n\t\x00") {
				t.Errorf("Infer(%q) fails with the reason %q, want one containing %q", tt.host, r.Reason, tt.reason)
			}
			if (r.Kind == endpoints.NoSigV4) != (r.UseInstead != "") {
				t.Errorf("Infer(%q) fails with kind %d and UseInstead %q", tt.host, r.Kind, r.UseInstead)
			}
			if strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("Infer(%q) = %q, which contains a control character", tt.host, err)
			}
		})
	}
}

func TestInfer_AllRegions(t *testing.T) {
	s, err := endpoints.Infer("mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com", "/cat.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if s.Region != "" || !slices.Equal(s.RegionSet, []string{"*"}) || s.Algorithm != endpoints.SigV4a || !s.Quirks.SigV4aOnly ||
		!s.Quirks.S3Style {
		t.Errorf("Infer of a multi-Region access point = %+v, want a SigV4a scope of S3 for all regions", s)
	}
	s.RegionSet[0] = "changed"
	if s, _ = endpoints.Infer("mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com", "/"); s.RegionSet[0] != "*" {
		t.Error("a caller's change to RegionSet affects the next result")
	}
}
