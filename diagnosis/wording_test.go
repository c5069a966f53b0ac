package diagnosis_test

import (
	"context"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/signing"
)

const (
	exampleKey = "AKIAIOSFODNN7EXAMPLE"
	noSig      = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func authorization(keyID, scope, names string) string {
	return "AWS4-HMAC-SHA256 Credential=" + keyID + "/" + scope + ", SignedHeaders=" + names + ", Signature=" + noSig
}

// request returns a request that looks signed, from "GET https://host/path" and header lines.
func request(line string, headers ...string) *diagnosis.Request {
	method, url, _ := strings.Cut(line, " ")
	r := &diagnosis.Request{Method: method, URL: url}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Headers = append(r.Headers, signing.Header{Name: name, Value: value})
	}
	return r
}

func signedRequest(line, service, region string, headers ...string) *diagnosis.Request {
	return request(line, append([]string{
		"X-Amz-Date: 20261128T190748Z",
		"Authorization: " + authorization(exampleKey, "20261128/"+region+"/"+service+"/aws4_request", "host;x-amz-date"),
	}, headers...)...)
}

func response(status int, body string, headers ...string) *diagnosis.Response {
	r := &diagnosis.Response{Status: status, Body: []byte(body)}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Headers = append(r.Headers, signing.Header{Name: name, Value: value})
	}
	return r
}

func xmlError(code, message, more string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message + "</Message>" + more +
		"<RequestId>4442587FB7D0A2F9</RequestId><HostId>EXAMPLEhostid=</HostId></Error>"
}

func queryError(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>` +
		"<Code>" + code + "</Code><Message>" + message + "</Message></Error>" +
		"<RequestId>4442587F-B7D0-A2F9-0000-000000000000</RequestId></ErrorResponse>"
}

type wording struct {
	name      string
	request   *diagnosis.Request
	response  *diagnosis.Response
	paste     string
	cause     diagnosis.Cause
	detail    string
	certainty diagnosis.Certainty
	facts     string // separated by |
}

var (
	s3Get  = signedRequest("GET https://orders.s3.eu-west-1.amazonaws.com/a.txt", "s3", "eu-west-1", "x-amz-content-sha256: UNSIGNED-PAYLOAD")
	apiGet = signedRequest("GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod/orders", "execute-api", "eu-west-1")
	plain  = request("GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod/orders")
)

func presigned(query string) *diagnosis.Request {
	return request("GET https://orders.s3.eu-west-1.amazonaws.com/a.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + exampleKey +
		"%2F20261128%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20261128T190748Z&X-Amz-SignedHeaders=host&X-Amz-Signature=" + noSig + query)
}

func denial(tail string) string {
	return `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/orders ` +
		`is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/orders ` + tail + `"}`
}

var wordings = []wording{
	// Form.
	{
		name: "two mechanisms, request given",
		request: request(
			"GET https://b.s3.amazonaws.com/a?X-Amz-Signature="+noSig+"&X-Amz-Algorithm=AWS4-HMAC-SHA256",
			"Authorization: "+authorization(exampleKey, "20261128/us-east-1/s3/aws4_request", "host"),
		),
		response: response(
			400,
			xmlError(
				"InvalidArgument",
				"Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the "+
					"Authorization header should be specified",
				"",
			),
		),
		cause: "two-signatures", certainty: "proved",
	},
	{
		name: "sigv2 refused",
		response: response(
			400,
			xmlError("InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", ""),
		),
		cause: "sigv2", certainty: "stated",
	},
	{
		name: "sigv2 and KMS",
		response: response(
			400,
			xmlError("InvalidArgument", "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.", ""),
		),
		cause: "sigv2", certainty: "stated",
	},
	{
		name: "sigv2 at Backblaze",
		response: response(
			400,
			xmlError("InvalidRequest", "The V2 signature authorization mechanism is not supported. Please use AWS4-HMAC-SHA256", ""),
		),
		cause: "sigv2", certainty: "stated",
	},
	{
		name:    "sigv2 in the request",
		request: request("GET https://b.s3.eu-central-1.amazonaws.com/a", "Authorization: AWS "+exampleKey+":frJIUN8DYpKDtOLCwo//yllqDzg="),
		response: response(
			400,
			xmlError("InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", ""),
		),
		cause: "sigv2", certainty: "proved",
	},
	{
		name: "bearer at S3",
		response: response(
			400,
			xmlError(
				"InvalidArgument", "Unsupported Authorization Type",
				"<ArgumentName>Authorization</ArgumentName><ArgumentValue>Bearer abcdefghijklmnop</ArgumentValue>",
			),
		),
		cause: "not-sigv4", detail: "bearer", certainty: "stated",
	},
	{
		name:     "basic at S3",
		request:  request("GET https://b.s3.eu-central-1.amazonaws.com/a", "Authorization: Basic dXNlcjpwYXNzd29yZA=="),
		response: response(400, xmlError("InvalidArgument", "Unsupported Authorization Type", "")), cause: "not-sigv4",
		detail: "basic", certainty: "stated",
	},
	{
		name: "basic at the gateway",
		response: response(
			403,
			`{"message":"'dXNlcjpwYXNzd29yZA==' not a valid key=value pair (missing equal-sign) in Authorization header: `+
				`'Basic dXNlcjpwYXNzd29yZA=='."}`,
		),
		cause: "not-sigv4", detail: "basic", certainty: "stated",
	},
	{
		name: "commas lost",
		request: request(
			"GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod", "X-Amz-Date: 20261128T190748Z",
			"Authorization: "+strings.ReplaceAll(authorization(exampleKey, "20261128/eu-west-1/execute-api/aws4_request", "host"), ",", ""),
		),
		response: response(
			403,
			`{"message":"Authorization header requires 'SignedHeaders' parameter. Authorization header requires 'Signature' parameter. "}`,
		),
		cause: "malformed-authorization", detail: "separator", certainty: "stated",
	},
	{
		name: "signature lost",
		request: request(
			"GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod", "X-Amz-Date: 20261128T190748Z",
			"Authorization: AWS4-HMAC-SHA256 Credential="+exampleKey+"/20261128/eu-west-1/execute-api/aws4_request, SignedHeaders=host",
		),
		response: response(403, `{"message":"Authorization header requires 'Signature' parameter. "}`),
		cause:    "malformed-authorization", detail: "component-missing", certainty: "stated", facts: "Signature",
	},
	{
		name: "signature lost, message alone", paste: `{"message":"Authorization header requires 'Signature' parameter. "}`,
		cause: "malformed-authorization", detail: "component-missing", certainty: "stated",
	},
	{
		name: "quoted header",
		request: request(
			"GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod",
			`Authorization: "`+authorization(exampleKey, "20261128/eu-west-1/execute-api/aws4_request", "host")+`"`,
		),
		response: response(403, `{"message":"'\"AWS4-HMAC-SHA256' not a valid key=value pair (missing equal-sign) in Authorization header."}`),
		cause:    "malformed-authorization", detail: "quoted", certainty: "stated",
	},
	{
		name: "date missing",
		paste: `{"message":"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ` +
			`Authorization=AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/eu-west-1/execute-api/aws4_request, ` +
			`SignedHeaders=host, Signature=` + noSig + `"}`,
		cause: "missing-date", certainty: "stated",
	},
	{
		name:     "date missing at S3",
		response: response(403, xmlError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", "")),
		cause:    "missing-date", certainty: "stated",
	},
	{
		name: "three components",
		response: response(
			400,
			xmlError(
				"AuthorizationHeaderMalformed",
				"The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.",
				"",
			),
		),
		cause: "malformed-authorization", certainty: "stated",
	},
	{
		name: "no key id",
		response: response(
			400,
			xmlError(
				"AuthorizationHeaderMalformed",
				"The authorization header is malformed; a non-empty Access Key (AKID) must be provided in the credential.", "",
			),
		),
		cause: "malformed-credential", detail: "key-id", certainty: "stated",
	},
	{
		name:     "key id of another length",
		response: response(400, xmlError("InvalidArgument", "Credential access key has length 20, should be 32", "")),
		cause:    "malformed-credential", detail: "key-id", certainty: "stated",
	},
	{
		name: "credential of four parts at the gateway",
		paste: `{"message":"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got ` +
			`'AKIAIOSFODNN7EXAMPLE/20261128/eu-west-1/execute-api'"}`,
		cause: "malformed-credential", detail: "parts", certainty: "stated",
	},
	{
		name: "missing fields of MinIO",
		request: request(
			"GET https://minio.example.com/b/a",
			"Authorization: AWS4-HMAC-SHA256 Credential="+exampleKey+"/20261128/us-east-1/s3/aws4_request",
		),
		response: response(400, xmlError("MissingFields", "Missing fields in request.", "")), cause: "malformed-authorization",
		detail: "component-missing", certainty: "stated",
	},
	{
		name: "host not signed", paste: `{"message":"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}`,
		cause: "host-not-signed", certainty: "stated",
	},
	{
		name: "signed header is missing",
		paste: `{"errors":[{"errorType":"BadRequestException","message":` +
			`"'accept' is named as a SignedHeader, but it does not exist in the HTTP request"}]}`,
		cause: "dropped-header", certainty: "stated", facts: "header:accept",
	},
	{
		name: "hash header",
		response: response(
			400,
			xmlError(
				"MissingSecurityHeader", "Your request was missing a required header",
				"<MissingHeaderName>x-amz-content-sha256</MissingHeaderName>",
			),
		),
		cause: "missing-payload-hash-header", certainty: "stated",
	},
	{
		name:  "version 4a refused",
		paste: `{"message":"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "}`,
		cause: "wrong-algorithm", certainty: "stated",
	},
	{
		name: "version 4a wanted",
		request: signedRequest(
			"GET https://123456789012.cloudfront-kvs.global.api.aws/key-value-stores/x/keys/y", "cloudfront-keyvaluestore", "us-east-1",
		),
		response: response(403, `{"message":"Credential must be scoped to a valid region."}`, "x-amzn-errortype: InvalidSignatureException"),
		cause:    "wrong-algorithm", detail: "needs-sigv4a", certainty: "likely", facts: "AWS4-ECDSA-P256-SHA256",
	},
	{
		name: ".NET copies no header", paste: "System.InvalidOperationException: Failed to copy the HTTP header 'Authorization'",
		cause: "client-refused-header", certainty: "stated", facts: "TryAddWithoutValidation",
	},
	{
		name: "query incomplete", request: presigned(""),
		response: response(
			400,
			xmlError(
				"AuthorizationQueryParametersError",
				"Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "+
					"X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
				"",
			),
		),
		cause: "malformed-authorization", detail: "component-missing", certainty: "proved", facts: "X-Amz-Expires",
	},

	// Scope.
	{
		name:     "region, read from the host",
		request:  signedRequest("GET https://search-x.eu-central-1.es.amazonaws.com/", "es", "eu-west-1"),
		response: response(403, `{"message":"Credential should be scoped to a valid region, not 'eu-west-1'. "}`),
		cause:    "wrong-region", certainty: "stated", facts: "eu-central-1",
	},
	{
		name:    "region and service",
		request: signedRequest("GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod", "apigateway", "us-east-1"),
		response: response(
			403,
			`{"message":"Credential should be scoped to a valid region, not 'us-east-1'. `+
				`Credential should be scoped to correct service: 'execute-api'. "}`,
		),
		cause: "wrong-region", certainty: "stated", facts: "eu-west-1|wrong-service|execute-api",
	},
	{
		name: "region at MinIO",
		response: response(
			400,
			xmlError(
				"AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong; expecting 'us-east-1'.",
				"<Region>us-east-1</Region>",
			),
		),
		cause: "wrong-region", certainty: "stated", facts: "us-east-1",
	},
	{
		name: "region at R2",
		response: response(
			400,
			xmlError("InvalidRegionName", "The region name 'us-west-2' is not valid. Must be one of: wnam, enam, weur, eeur, apac, auto", ""),
		),
		cause: "wrong-region", certainty: "stated", facts: "auto|us-west-2",
	},
	{
		name: "region of a presigned URL", request: presigned("&X-Amz-Expires=60"),
		response: response(
			400,
			xmlError(
				"AuthorizationQueryParametersError",
				"Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
				"<Region>eu-west-1</Region>",
			),
		),
		cause: "wrong-region", certainty: "stated", facts: "eu-west-1",
	},
	{
		name: "service at S3",
		response: response(
			400,
			xmlError(
				"AuthorizationHeaderMalformed",
				`The authorization header is malformed; incorrect service "ec2". This endpoint belongs to "s3".`, "",
			),
		),
		cause: "wrong-service", certainty: "stated", facts: "s3",
	},
	{
		name: "date at S3",
		response: response(
			400,
			xmlError(
				"AuthorizationHeaderMalformed",
				`The authorization header is malformed; Invalid credential date "20261127". This date is not the same as X-Amz-Date: "20261128".`,
				"",
			),
		),
		cause: "wrong-scope-date", certainty: "stated",
	},
	{
		name: "terminator", paste: `{"message":"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4'. "}`,
		cause: "wrong-terminator", certainty: "stated", facts: "aws4_request",
	},
	{
		name: "permanent redirect",
		response: response(
			301,
			xmlError(
				"PermanentRedirect",
				"The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to "+
					"this endpoint.",
				"<Endpoint>orders.s3.eu-central-1.amazonaws.com</Endpoint><Bucket>orders</Bucket>",
			),
		),
		cause: "wrong-endpoint", certainty: "stated", facts: "orders.s3.eu-central-1.amazonaws.com",
	},
	{
		name: "location constraint",
		response: response(
			400,
			xmlError(
				"IllegalLocationConstraintException",
				"The eu-central-1 location constraint is incompatible for the region specific endpoint this request was sent to.", "",
			),
		),
		cause: "wrong-endpoint", certainty: "stated", facts: "eu-central-1",
	},
	{
		name:     "HEAD of a bucket elsewhere",
		request:  signedRequest("HEAD https://orders.s3.us-east-1.amazonaws.com/a.txt", "s3", "us-east-1"),
		response: response(400, "", "x-amz-bucket-region: eu-central-1"), cause: "wrong-endpoint", certainty: "stated",
		facts: "eu-central-1",
	},
	{
		name: "HEAD 301", request: signedRequest("HEAD https://orders.s3.us-east-1.amazonaws.com/a.txt", "s3", "us-east-1"),
		response: response(301, "", "x-amz-bucket-region: eu-central-1"), cause: "wrong-endpoint", certainty: "stated",
		facts: "eu-central-1",
	},

	// Time.
	{
		name:  "expired, nothing else known",
		paste: "Signature expired: 20260127T001427Z is now earlier than 20260127T014428Z (20260127T015928Z - 15 min.)",
		cause: "clock-behind", certainty: "open",
	},
	{
		name: "skewed and ahead",
		response: response(
			403,
			xmlError(
				"RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
				"<RequestTime>20261128T194210Z</RequestTime><ServerTime>2026-11-28T19:07:48Z</"+
					"ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>",
			),
		),
		cause: "clock-ahead", certainty: "stated",
	},
	{
		name: "skewed by a zone",
		response: response(
			403,
			xmlError(
				"RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
				"<RequestTime>20261128T210750Z</RequestTime><ServerTime>2026-11-28T19:07:48Z</ServerTime>",
			),
		),
		cause: "local-time", certainty: "likely",
	},
	{
		name: "request expired at EC2",
		paste: "<Response><Errors><Error><Code>RequestExpired</Code><Message>Request has expired.</Message></Error></" +
			"Errors><RequestID>1</RequestID></Response>",
		cause: "clock-behind", certainty: "open",
	},
	{
		name: "presigned, over", request: presigned("&X-Amz-Expires=60"),
		response: response(
			403,
			xmlError(
				"AccessDenied", "Request has expired",
				"<X-Amz-Expires>60</X-Amz-Expires><Expires>2026-11-28T19:08:48Z</Expires><ServerTime>2026-11-28T19:20:00Z</ServerTime>",
			),
		),
		cause: "presign-expired", certainty: "stated", facts: "60 seconds",
	},
	{
		name: "presigned, over, at Ceph", request: presigned("&X-Amz-Expires=60"),
		response: response(403, xmlError("AccessDenied", "", ""), "Date: Sat, 28 Nov 2026 19:20:00 GMT"), cause: "presign-expired",
		certainty: "likely",
	},
	{
		name: "presigned too long", request: presigned("&X-Amz-Expires=1000000"),
		response: response(
			400,
			xmlError(
				"AuthorizationQueryParametersError",
				"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800", "",
			),
		),
		cause: "presign-lifetime", detail: "too-long", certainty: "stated", facts: "604800",
	},
	{
		name: "presigned, not a number", request: presigned("&X-Amz-Expires=undefined"),
		response: response(400, xmlError("AuthorizationQueryParametersError", "X-Amz-Expires should be a number", "")),
		cause:    "presign-lifetime", detail: "not-a-number", certainty: "stated",
	},
	{
		name: "presigned, not yet", request: presigned("&X-Amz-Expires=60"),
		response: response(403, xmlError("AccessDenied", "Request is not valid yet", "")), cause: "presign-not-yet",
		certainty: "stated",
	},

	// Credentials.
	{
		name: "unknown key", request: s3Get,
		response: response(
			403,
			xmlError(
				"InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
				"<AWSAccessKeyId>"+exampleKey+"</AWSAccessKeyId>",
			),
		),
		cause: "unknown-key", certainty: "stated",
	},
	{
		name: "session's key without token",
		request: request(
			"GET https://b.s3.eu-west-1.amazonaws.com/a", "X-Amz-Date: 20261128T190748Z",
			"Authorization: "+authorization("ASIAIOSFODNN7EXAMPLE", "20261128/eu-west-1/s3/aws4_request", "host;x-amz-date"),
		),
		response: response(403, xmlError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "")),
		cause:    "missing-token", certainty: "proved",
	},
	{
		name: "token beside a long-term key",
		request: signedRequest(
			"POST https://dynamodb.eu-west-1.amazonaws.com/", "dynamodb", "eu-west-1", "X-Amz-Security-Token: IQoJb3JpZ2luX2VjEXAMPLE",
		),
		response: response(
			400,
			`{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}`,
		),
		cause: "token-not-for-key", certainty: "proved",
	},
	{
		name: "token with blanks",
		request: request("GET https://b.s3.eu-west-1.amazonaws.com/a?X-Amz-Security-Token=IQoJb3Jp%20Z2luX2VjEXA%20MPLE&" +
			"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261128%2Feu-west-1%2Fs3%2Faws4_request&" +
			"X-Amz-Date=20261128T190748Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" + noSig),
		response: response(
			400,
			xmlError("InvalidToken", "The provided token is malformed or otherwise invalid.", "<Token-0>IQoJb3Jp Z2luX2VjEXA MPLE</Token-0>"),
		),
		cause: "invalid-token", detail: "damaged", certainty: "stated",
	},
	{
		name: "opt-in region",
		request: request(
			"GET https://sqs.me-south-1.amazonaws.com/", "X-Amz-Date: 20261128T190748Z",
			"X-Amz-Security-Token: IQoJb3JpZ2luX2VjEXAMPLE",
			"Authorization: "+authorization("ASIAIOSFODNN7EXAMPLE", "20261128/me-south-1/sqs/aws4_request", "host;x-amz-date;x-amz-security-token"),
		),
		response: response(403, queryError("InvalidClientTokenId", "The security token included in the request is invalid")),
		cause:    "foreign-token", certainty: "likely",
	},
	{
		name: "expired session",
		paste: "botocore.exceptions.ClientError: An error occurred (ExpiredToken) when calling the ListBuckets operation: The " +
			"provided token has expired.",
		cause: "expired-token", certainty: "stated",
	},
	{
		name: "MinIO's expired session",
		request: request(
			"GET https://minio.example.com/b/a", "X-Amz-Date: 20261128T190748Z",
			"X-Amz-Security-Token: eyJhbGciOiJIUzUxMiJ9.eyJleHAiOjE3OTU4OTAwMDB9.c2lnbmF0dXJl",
			"Authorization: "+authorization("Q3AM3UQ867SPQQA43P2F", "20261128/us-east-1/s3/aws4_request", "host;x-amz-date;x-amz-security-token"),
		),
		response: response(
			403, xmlError("InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.", ""), "Server: MinIO",
			"Date: Sat, 28 Nov 2026 19:07:48 GMT",
		),
		cause: "expired-token", certainty: "likely",
	},
	{
		name: "EC2 lumps",
		paste: "<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was not able to validate the provided access " +
			"credentials</Message></Error></Errors><RequestID>1</RequestID></Response>",
		cause: "unclear", certainty: "open",
	},

	// Permission.
	{
		name: "identity", paste: denial("because no identity-based policy allows the dynamodb:PutItem action"),
		cause: "denied-identity", certainty: "stated", facts: "dynamodb:PutItem|table/orders",
	},
	{
		name:  "identity, explicit",
		paste: denial("with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/NoWrites"),
		cause: "denied-explicit-identity", certainty: "stated", facts: "arn:aws:iam::123456789012:policy/NoWrites",
	},
	{
		name: "resource", paste: denial("because no resource-based policy allows the dynamodb:PutItem action"),
		cause: "denied-resource", certainty: "stated",
	},
	{
		name: "resource, explicit", paste: denial("with an explicit deny in a resource-based policy"),
		cause: "denied-explicit-resource", certainty: "stated",
	},
	{name: "rcp", paste: denial("with an explicit deny in a resource control policy"), cause: "denied-rcp", certainty: "stated"},
	{
		name: "scp, implicit", paste: denial("because no service control policy allows the dynamodb:PutItem action"),
		cause: "denied-scp", certainty: "stated",
	},
	{
		name: "boundary", paste: denial("because no permissions boundary allows the dynamodb:PutItem action"),
		cause: "denied-boundary", certainty: "stated",
	},
	{
		name: "session policy", paste: denial("because no session policy allows the dynamodb:PutItem action"),
		cause: "denied-session", certainty: "stated",
	},
	{
		name: "endpoint policy", paste: denial("because no VPC endpoint policy allows the dynamodb:PutItem action"),
		cause: "denied-endpoint", certainty: "stated",
	},
	{name: "no tail", paste: denial(""), cause: "denied-unspecified", certainty: "likely"},
	{
		name: "trust",
		paste: "An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::123456789012:user/orders " +
			"is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/partner",
		cause: "denied-trust", certainty: "likely", facts: "arn:aws:iam::210987654321:role/partner|external id",
	},
	{
		name: "web identity",
		paste: "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform " +
			"sts:AssumeRoleWithWebIdentity",
		cause: "denied-trust", certainty: "likely",
	},
	{
		name:  "anonymous",
		paste: `{"Message":"User: anonymous is not authorized to perform: es:ESHttpGet with an explicit deny in a resource-based policy"}`,
		cause: "no-signature", certainty: "stated",
	},
	{
		name: "encoded message",
		paste: "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. " +
			"Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm-abcdef</Message></Error></Errors></Response>",
		cause: "denied-unspecified", certainty: "likely", facts: "decode-authorization-message",
	},
	{
		name: "function URL", request: signedRequest("POST https://abc.lambda-url.eu-west-1.on.aws/", "lambda", "eu-west-1"),
		response: response(
			403,
			`{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: `+
				`https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`,
			"x-amzn-errortype: AccessDeniedException",
		),
		cause: "denied-function-url", certainty: "likely", facts: "lambda:InvokeFunctionUrl|lambda:InvokeFunction",
	},
	{
		name: "function URL, short", request: signedRequest("POST https://abc.lambda-url.eu-west-1.on.aws/", "lambda", "eu-west-1"),
		response: response(403, `{"Message":"Forbidden"}`, "x-amzn-errortype: AccessDeniedException"), cause: "denied-function-url",
		certainty: "likely",
	},
	{
		name: "aoss", request: signedRequest("GET https://abc.eu-west-1.aoss.amazonaws.com/", "aoss", "eu-west-1"),
		response: response(403, `{"status":403,"error":{"reason":"403 Forbidden","type":"Forbidden"}}`), cause: "denied-aoss",
		certainty: "open", facts: "aoss:APIAccessAll|data access policy|network policy",
	},
	{
		name: "api key", request: apiGet, response: response(403, `{"message":"Forbidden"}`, "x-amzn-errortype: ForbiddenException"),
		cause: "denied-api-key", certainty: "likely", facts: "x-api-key",
	},
	{
		name: "connections without a stage",
		request: signedRequest(
			"POST https://abc123.execute-api.eu-west-1.amazonaws.com/@connections/L0SM9cOFvHcCIhw%3D", "execute-api", "eu-west-1",
		),
		response: response(403, `{"message":"Forbidden"}`), cause: "unknown-route", certainty: "likely", facts: "stage/@connections",
	},
	{
		name: "bare, signed, at Ceph", request: signedRequest("GET https://rgw.example.com/b/a", "s3", "us-east-1"),
		response: response(403, xmlError("AccessDenied", "", ""), "x-amz-request-id: tx000001234-0067-1111-default"),
		cause:    "denied-unspecified", certainty: "open", facts: "wrong-secret",
	},
	{
		name: "fine-grained access",
		paste: `{"error":{"root_cause":[{"type":"security_exception","reason":"no permissions for [indices:data/read/search] ` +
			`and User [name=arn:aws:iam::123456789012:role/orders]"}],` +
			`"type":"security_exception","reason":"no permissions for [indices:data/read/search]"},"status":403}`,
		cause: "denied-unspecified", certainty: "likely", facts: "indices:data/read/search",
	},
	{
		name: "authorizer", request: apiGet,
		response: response(401, `{"message":"Unauthorized"}`, "x-amzn-errortype: UnauthorizedException"), cause: "other-authorizer",
		certainty: "likely",
	},
	{
		name: "lambda authorizer", paste: `{"Message":"User is not authorized to access this resource with an explicit deny"}`,
		cause: "other-authorizer", certainty: "likely",
	},
	{
		name:  "AppSync by another mode",
		paste: `{"errors":[{"errorType":"UnauthorizedException","message":"You are not authorized to make this call."}]}`,
		cause: "other-authorizer", certainty: "likely",
	},
	{
		name: "model", paste: `{"message":"You don't have access to the model with the specified model ID."}`,
		cause: "not-subscribed", certainty: "stated",
	},
	{
		name: "opt-in",
		paste: "<Response><Errors><Error><Code>OptInRequired</Code><Message>You are not subscribed to this service. Please go to " +
			"http://aws.amazon.com to subscribe.</Message></Error></Errors></Response>",
		cause: "not-subscribed", certainty: "stated",
	},
	{
		name: "STS of a region",
		response: response(
			403,
			queryError(
				"RegionDisabledException",
				"STS is not activated in this region for account:123456789012. Your account administrator can activate STS in this region "+
					"using the IAM Console.",
			),
		),
		cause: "region-disabled", certainty: "stated",
	},
	{
		name: "bare, unsigned", request: request("GET https://orders.s3.eu-west-1.amazonaws.com/a.txt"),
		response: response(403, xmlError("AccessDenied", "Access Denied", "")), cause: "no-signature", certainty: "likely",
	},
	{
		name: "bare, alone", paste: xmlError("AccessDenied", "Access Denied", ""), cause: "denied-unspecified", certainty: "open",
		facts: "s3:ListBucket",
	},
	{
		name: "HEAD 403", request: signedRequest("HEAD https://orders.s3.eu-west-1.amazonaws.com/a.txt", "s3", "eu-west-1"),
		response: response(403, ""), cause: "denied-unspecified", certainty: "open",
	},

	// Routes.
	{
		name: "route, unsigned", request: plain, response: response(403, `{"message":"Missing Authentication Token"}`),
		cause: "no-signature", certainty: "likely",
	},
	{
		name:     "route, fragment",
		request:  signedRequest("GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod/a#b", "execute-api", "eu-west-1"),
		response: response(403, `{"message":"Missing Authentication Token"}`), cause: "unknown-route", detail: "fragment",
		certainty: "likely",
	},
	{
		name: "STS unsigned", request: request("POST https://sts.us-east-1.amazonaws.com/"),
		response: response(403, queryError("MissingAuthenticationToken", "Request is missing Authentication Token")),
		cause:    "no-signature", certainty: "proved",
	},
	{name: "HTTP API", request: apiGet, response: response(404, `{"message":"Not Found"}`), cause: "unknown-route", certainty: "likely"},

	// Elsewhere.
	{
		name: "CloudFront blocks",
		paste: "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>Request blocked. " +
			"Generated by cloudfront (CloudFront)</BODY></HTML>",
		cause: "waf-blocked", certainty: "likely",
	},
	{
		name: "CloudFront refuses",
		paste: "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>This distribution " +
			"is not configured to allow the HTTP request method that was used for this request. Generated by cloudfront (CloudFront)</BODY></HTML>",
		cause: "front-refused", certainty: "likely",
	},
	{
		name: "Squid",
		response: response(
			403, "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>Access Denied.</body></html>",
			"Server: squid/5.7", "X-Squid-Error: ERR_ACCESS_DENIED 0",
		),
		cause: "proxy-page", certainty: "likely", facts: "Squid",
	},
	{name: "407", response: response(407, "", `Proxy-Authenticate: Basic realm="proxy"`), cause: "proxy-page", certainty: "likely"},
	{
		name: "Cloudflare",
		response: response(
			403, "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>", "Server: cloudflare",
			"cf-mitigated: challenge",
		),
		cause: "waf-blocked", certainty: "likely", facts: "cf-mitigated",
	},
	{
		name: "API Management",
		response: response(
			401,
			`{ "statusCode": 401, "message": "Access denied due to missing subscription key. `+
				`Make sure to include subscription key when making requests to an API." }`,
			`WWW-Authenticate: AzureApiManagementKey realm="https://x.azure-api.net/orders",name="Ocp-Apim-Subscription-Key",type="header"`,
		),
		cause: "front-refused", certainty: "likely", facts: "API Management",
	},
	{name: "not reached", paste: "Error: getaddrinfo ENOTFOUND orders.s3.eu-west-9.amazonaws.com", cause: "not-reached", certainty: "stated"},
	{name: "not reached, by its code", paste: `{"code":"ECONNABORTED","message":"x"}`, cause: "not-reached", certainty: "stated"},
	{
		name: "a code in capitals", paste: `{"code":"ERROR","message":"x"}`,
		cause: "signature-right", detail: "bad-request", certainty: "likely",
	},
	{name: "throttled", paste: "ThrottlingException: Rate exceeded", cause: "throttled", certainty: "stated", facts: "sign again"},
	{
		name: "slow down", response: response(503, xmlError("SlowDown", "Please reduce your request rate.", "")), cause: "throttled",
		certainty: "stated",
	},
	{name: "quota", response: response(429, `{"message":"Limit Exceeded"}`), cause: "throttled", certainty: "stated"},
	{
		name: "integration", request: apiGet, response: response(502, `{"message": "Internal server error"}`), cause: "aws-fault",
		certainty: "stated", facts: "signature was right",
	},
	{
		name: "no such key", request: s3Get,
		response: response(404, xmlError("NoSuchKey", "The specified key does not exist.", "<Key>a.txt</Key>")),
		cause:    "signature-right", detail: "not-found", certainty: "stated", facts: "signature was right",
	},
	{
		name: "validation", paste: `{"__type":"ValidationException","message":"1 validation error detected"}`,
		cause: "signature-right", detail: "bad-request", certainty: "stated",
	},
	{
		name:  "no table",
		paste: `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`,
		cause: "signature-right", detail: "not-found", certainty: "stated",
	},
	{
		name: "connection gone",
		request: signedRequest(
			"POST https://abc123.execute-api.eu-west-1.amazonaws.com/prod/@connections/L0SM9cOFvHcCIhw%3D", "execute-api", "eu-west-1",
		),
		response: response(410, "", "x-amzn-errortype: GoneException"), cause: "signature-right", detail: "not-found",
		certainty: "stated",
	},

	// Mismatches without a request.
	{
		name: "short at Google",
		paste: xmlError(
			"SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method.",
			"",
		),
		cause: "unclear", certainty: "open",
	},
	{
		name: "hash of nothing arrived",
		response: response(
			400,
			xmlError(
				"XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
				"<ClientComputedContentSHA256>5f57f049608e45983231fc7c14bf17acecb1f65f9f93f6add0227d5368f099de</"+
					"ClientComputedContentSHA256><S3ComputedContentSHA256>e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</"+
					"S3ComputedContentSHA256>",
			),
		),
		cause: "changed-body", detail: "emptied", certainty: "proved",
	},
	{
		name: "hash of nothing signed",
		response: response(
			400,
			xmlError(
				"XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
				"<ClientComputedContentSHA256>e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</"+
					"ClientComputedContentSHA256><S3ComputedContentSHA256>5f57f049608e45983231fc7c14bf17acecb1f65f9f93f6add0227d5368f099de</"+
					"S3ComputedContentSHA256>",
			),
		),
		cause: "signed-payload", detail: "empty", certainty: "proved",
	},
	{
		name: "no credentials", paste: "botocore.exceptions.NoCredentialsError: Unable to locate credentials", cause: "no-signature",
		certainty: "stated",
	},
	{
		name:  "HEAD 404 of botocore",
		paste: "botocore.exceptions.ClientError: An error occurred (404) when calling the HeadObject operation: Not Found",
		cause: "signature-right", detail: "not-found", certainty: "likely",
	},
	{
		name:  "HEAD 403 of botocore",
		paste: "botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden",
		cause: "denied-unspecified", certainty: "open",
	},
	{
		name: "certificate", paste: "curl: (60) SSL certificate problem: unable to get local issuer certificate",
		cause: "not-reached", certainty: "stated",
	},
	{name: "gateway's time-out", paste: `{"message":"Endpoint request timed out"}`, cause: "aws-fault", certainty: "stated"},
	{
		name: "account", paste: xmlError("AccountProblem", "There is a problem with your AWS account", ""), cause: "not-subscribed",
		certainty: "likely",
	},
	{
		name: "signed URLs of CloudFront", paste: xmlError("MissingKey", "Missing Key-Pair-Id query parameter or cookie value", ""),
		cause: "front-refused", certainty: "likely",
	},
	{
		name: "hash in capitals",
		request: signedRequest(
			"PUT https://orders.s3.eu-west-1.amazonaws.com/a.txt", "s3", "eu-west-1",
			"x-amz-content-sha256: E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
		),
		response: response(
			400,
			xmlError(
				"InvalidArgument",
				"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.", "",
			),
		),
		cause: "signed-payload", detail: "upper-case", certainty: "stated",
	},
	{
		name: "date of another form",
		request: request(
			"GET https://sqs.eu-west-1.amazonaws.com/", "X-Amz-Date: 2026-11-28T19:07:48Z",
			"Authorization: "+authorization(exampleKey, "20261128/eu-west-1/sqs/aws4_request", "host;x-amz-date"),
		),
		response: response(
			400,
			queryError(
				"IncompleteSignature",
				"Date must be in ISO-8601 'basic format'. Got '2026-11-28T19:07:48Z'. See http://en.wikipedia.org/wiki/ISO_8601",
			),
		),
		cause: "missing-date", certainty: "stated", facts: "2026-11-28T19:07:48Z",
	},
	{
		name: "the request speaks of a firewall", request: nil,
		paste: "POST /prod HTTP/1.1\nHost: abc123.execute-api.eu-west-1.amazonaws.com\nAuthorization: " + authorization(
			exampleKey, "20261128/eu-west-1/execute-api/aws4_request", "host;x-amz-date",
		) + "\nX-Amz-Date: 20261128T190748Z\n\nrequest blocked by cloudfront, connection refused\n\nHTTP/1.1 403 " +
			"Forbidden\nContent-Type: application/json\n\n{\"message\":\"The security token included in the request is expired\"}",
		cause: "expired-token", certainty: "stated",
	},
	{name: "nothing at all", paste: "it does not work", cause: "unclear", certainty: "open"},
}

func TestDiagnose_Wordings(t *testing.T) {
	for _, w := range wordings {
		t.Run(w.name, func(t *testing.T) {
			report := diagnosis.Diagnose(context.Background(), diagnosis.Input{Request: w.request, Response: w.response, Paste: w.paste})
			checkReport(t, &report)
			v := report.Verdicts[0]
			if v.Cause != w.cause || w.detail != "" && v.Detail != w.detail || v.Certainty != w.certainty {
				t.Errorf("%s %q %s, want %s %q %s: %s", v.Cause, v.Detail, v.Certainty, w.cause, w.detail, w.certainty, report.Summary)
			}
			text := strings.ToLower(reportJSON(t, &report))
			for fact := range strings.SplitSeq(w.facts, "|") {
				if !strings.Contains(text, strings.ToLower(fact)) {
					t.Errorf("%q is not in the report: %s", fact, report.Summary)
				}
			}
		})
	}
}
