package diagnosis

var formCauses = []CauseInfo{
	{
		ID: "no-signature", Family: FamilyForm, Title: "The request was not signed.", Side: SideClient, Most: Proved,
		Means: "No Authorization header and no X-Amz-Signature arrived: the signing step was left out, or its headers " +
			"were lost on the way, as after a redirect.",
		Decides: "The request has no signature, or AWS names an anonymous caller.",
		FixInWorkflow: "Put the headers of the signing step's response into the call, Authorization among them, and set the " +
			"action's own authentication to none.",
		FixInCode: "Send the Authorization header, or the presigned URL whole. HTTP clients drop it when a redirect leads to another host.",
	},
	{
		ID: "not-sigv4", Family: FamilyForm, Title: "The Authorization header has no AWS signature.", Side: SideClient, Most: Proved,
		Means: "Something else stands there: a Bearer token or Basic credentials, put there by the client's own authentication. " +
			"API Gateway gives the same response for a route that does not exist or has IAM authorization.",
		Decides: "The first word of the header is not AWS4-HMAC-SHA256.",
		FixInWorkflow: "Set the authentication of the HTTP action to None, so that the signing step's Authorization header " +
			"stays. Bearer and Basic replace it.",
		FixInCode: "Send one Authorization header, that of the signature. If the API expects a Bearer token, call a route " +
			"that accepts one, and check the path.",
		Details: []Detail{{"bearer", "a Bearer token"}, {"basic", "Basic credentials"}},
	},
	{
		ID: "sigv2", Family: FamilyForm, Title: "The request was signed with Signature Version 2.", Side: SideSigner, Most: Proved,
		Means: "The old form, AWS KEY:signature or AWSAccessKeyId and Signature in the URL, is no longer accepted by most " +
			"services and regions.",
		Decides:       "The form of the header or URL, a string to sign without a scope, or a signature in base64.",
		FixInWorkflow: "Let this service sign: it uses Signature Version 4.",
		FixInCode:     "Switch the client to Signature Version 4 (AWS4-HMAC-SHA256): newer SDK, or its setting signature_version = s3v4.",
	},
	{
		ID: "two-signatures", Family: FamilyForm, Title: "The request carries two signatures.", Side: SideClient, Most: Proved,
		Means:         "A presigned URL and an Authorization header were sent together; AWS accepts one of them.",
		Decides:       "AWS says so, or the request has both.",
		FixInWorkflow: "Send a presigned URL without an Authorization header: set the action's authentication to none.",
		FixInCode:     "Remove the Authorization header from requests to presigned URLs, including one that a client adds by default.",
	},
	{
		ID: "malformed-authorization", Family: FamilyForm, Title: "The Authorization header is malformed.", Side: SideClient, Most: Proved,
		Means: "The header reads AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…: three components, " +
			"divided by commas. One is missing, or commas, equals signs or quotes were lost or added.",
		Decides:       "AWS names the component, and the header shows it.",
		FixInWorkflow: "Take the Authorization value from the response's headers as it is, without quotes and without joining it from pieces.",
		FixInCode:     "Write AWS4-HMAC-SHA256 Credential=id/date/region/service/aws4_request, SignedHeaders=a;b, Signature=hex.",
		Details: []Detail{
			{"component-missing", "Credential, SignedHeaders or Signature is missing"},
			{"separator", "a comma, blank or equals sign is missing"},
			{"quoted", "there are quotes in it"},
		},
	},
	{
		ID: "malformed-credential", Family: FamilyForm, Title: "The Credential of the signature is malformed.", Side: SideSigner, Most: Proved,
		Means:         "It reads access key id/date/region/service/aws4_request: five parts divided by slashes, the key id without blanks.",
		Decides:       "The header or URL shows it, or AWS quotes it.",
		FixInWorkflow: "Check the access key id of the profile: no blanks, no quotes, nothing but the id.",
		FixInCode:     "Write Credential=AKIA…/20260131/eu-west-1/s3/aws4_request; an empty or unset variable leaves a part out.",
		Details:       []Detail{{"parts", "it does not have five parts"}, {"key-id", "the access key id is empty or holds other characters"}},
	},
	{
		ID: "host-not-signed", Family: FamilyForm, Title: "The host header is not signed.", Side: SideSigner, Most: Proved,
		Means:         "Every signature must cover host (:authority in HTTP/2).",
		Decides:       "AWS says so, or SignedHeaders has no host.",
		FixInWorkflow: letSign,
		FixInCode:     "Add host to the canonical headers and to SignedHeaders.",
	},
	{
		ID: "missing-payload-hash-header", Family: FamilyForm, Title: "The header x-amz-content-sha256 is " +
			"missing.", Side: SideSigner, Most: Proved,
		Means:   "S3 and services like it need the payload's hash, or UNSIGNED-PAYLOAD, in a signed header x-amz-content-sha256.",
		Decides: "AWS says so; the request has none.",
		FixInWorkflow: "Send all headers of the signing step's response, X-Amz-Content-Sha256 among them. For an S3-compatible " +
			"host give service s3.",
		FixInCode: "Set x-amz-content-sha256 to the payload's hash and sign it.",
	},
	{
		ID: "missing-date", Family: FamilyForm, Title: "The signature has no time.", Side: SideSigner, Most: Proved,
		Means:         "AWS needs X-Amz-Date in the form 20260131T120000Z, or Date.",
		Decides:       "AWS says so; the request has neither, or in another form.",
		FixInWorkflow: "Send all headers of the signing step's response, X-Amz-Date among them.",
		FixInCode: "Set X-Amz-Date in UTC, in the form 20260131T120000Z, and sign it. Do not rely on Date: some clients " +
			"drop or replace it.",
	},
	{
		ID: "wrong-algorithm", Family: FamilyForm, Title: "The service needs another signing algorithm.", Side: SideSigner, Most: Proved,
		Means: "Multi-Region Access Points and the CloudFront KeyValueStore accept only Signature Version 4a (AWS4-ECDSA-P256-SHA256); " +
			"most other services accept only Version 4 (AWS4-HMAC-SHA256).",
		Decides: "The host is one of those, or AWS refuses the algorithm.",
		FixInWorkflow: "Set the algorithm of the signing step to the one that the service accepts; without one this service " +
			"chooses it by the host.",
		FixInCode: "For SigV4a sign with AWS4-ECDSA-P256-SHA256 and X-Amz-Region-Set; SDKs need their CRT extension for it.",
		Details:   []Detail{{"sigv4a", "SigV4a was used where only SigV4 is accepted"}, {"needs-sigv4a", "the service accepts only SigV4a"}},
	},
	{
		ID: "client-refused-header", Family: FamilyForm, Title: "The HTTP client refused the Authorization header: nothing was " +
			"sent.", Side: SideClient, Most: Stated,
		Means: "Headers.Add and AuthenticationHeaderValue of .NET check the value by the grammar of other schemes and refuse the commas " +
			"of an AWS signature. AWS never saw the request.",
		Decides: "The exception is the client's own: The format of value '…' is invalid, Failed to copy the HTTP header.",
		FixInWorkflow: "This is not a response from AWS. Send the header through an action that sends it as it is, such as HTTP with " +
			"authentication None.",
		FixInCode: `request.Headers.TryAddWithoutValidation("Authorization", value) sends it as it is.`,
	},
}

var scopeCauses = []CauseInfo{
	{
		ID: "wrong-region", Family: FamilyScope, Title: "The request was signed for the wrong region.", Side: SideSigner, Most: Proved,
		Means:         "The region of the credential scope is not that of the endpoint or bucket.",
		Decides:       "S3 names the right one; other services do not, but their host shows it.",
		FixInWorkflow: "Give the signing step the region of the bucket or endpoint, or leave region out where the host names it.",
		FixInCode:     "Set the region of client and signer to that of the endpoint; for S3 the one in <Region> or x-amz-bucket-region.",
	},
	{
		ID: "wrong-service", Family: FamilyScope, Title: "The request was signed for the wrong service.", Side: SideSigner, Most: Proved,
		Means: "The service of the credential scope is the signing name, which often is not the name in the " +
			"documentation: execute-api for a deployed API, es for OpenSearch.",
		Decides:       "AWS names the right one.",
		FixInWorkflow: "Give the signing step the service that AWS names, or leave service out.",
		FixInCode:     "Use the signing name that AWS names in scope and key.",
	},
	{
		ID: "wrong-scope-date", Family: FamilyScope, Title: "The day of the credential scope is not that of " +
			"x-amz-date.", Side: SideSigner, Most: Proved,
		Means:         "Two clocks, or a local day beside UTC: it fails around midnight.",
		Decides:       "AWS says so; the request shows both days.",
		FixInWorkflow: letSign,
		FixInCode:     "Read the clock once, in UTC, and take the day of the scope from X-Amz-Date.",
	},
	{
		ID: "wrong-terminator", Family: FamilyScope, Title: "The credential scope does not end in " +
			"aws4_request.", Side: SideSigner, Most: Proved,
		Means:         "The last part of the scope, and the last step of the key, is aws4_request.",
		Decides:       "AWS says so; the Credential shows it.",
		FixInWorkflow: letSign,
		FixInCode:     "End the scope in /aws4_request and derive the key with the same word.",
	},
	{
		ID: "wrong-endpoint", Family: FamilyScope, Title: "The request went to the wrong endpoint.", Side: SideRequest, Most: Proved,
		Means:   "The bucket or resource lives behind another endpoint, usually that of its region.",
		Decides: "S3 names it in <Endpoint>, in the text or in x-amz-bucket-region.",
		FixInWorkflow: "Use the address of the region that AWS names, and sign for that region. Do not follow the redirect with " +
			"the old signature.",
		FixInCode: "Set endpoint and region to those of the bucket, and sign again.",
	},
}

var timeCauses = []CauseInfo{
	{
		ID: "clock-behind", Family: FamilyTime, Title: "The clock of the signer is behind.", Side: SideClock, Most: Proved,
		Means:         "The request reached AWS right after it was signed, but the signing time is in AWS's past.",
		Decides:       "AWS's time against the signer's own time of sending. The refusal alone cannot tell a slow clock from a delay.",
		FixInWorkflow: "Ask whoever runs the signing machine to set its clock; in a container, that of the host.",
		FixInCode:     "Synchronize the clock (NTP, chrony, w32tm). SDKs correct a skew by the Date header of the refusal.",
	},
	{
		ID: "clock-ahead", Family: FamilyTime, Title: "The clock of the signer is ahead.", Side: SideClock, Most: Proved,
		Means:         "The signing time is in AWS's future, which no delay explains.",
		Decides:       "AWS says: not yet current; both times are in the text.",
		FixInWorkflow: "Ask whoever runs the signing machine to set its clock; in a container, that of the host.",
		FixInCode:     "Synchronize the clock (NTP, chrony, w32tm).",
	},
	{
		ID: "local-time", Family: FamilyTime, Title: "Local time was written as UTC.", Side: SideSigner, Most: Likely,
		Means:         "X-Amz-Date ends in Z but is local time: it is off by whole hours or half hours.",
		Decides:       "The difference is within 20 seconds of a multiple of 30 minutes.",
		FixInWorkflow: "In expressions use utcNow(), not a converted time.",
		FixInCode:     "Format the time in UTC: time.UTC(), datetime.now(timezone.utc), DateTime.UtcNow, gmdate.",
	},
	{
		ID: "stale-signature", Family: FamilyTime, Title: "The signature was too old when it was sent.", Side: SideClient, Most: Proved,
		Means: "It was signed correctly and sent more than five minutes later (15 at S3 and STS): a delay, an approval or a queue " +
			"stood between, " +
			"a retry repeated the old headers, or a program reuses a signed request.",
		Decides: "The time of signing by a clock known to be right, against AWS's time.",
		FixInWorkflow: "Put Sign and HTTP into one scope, with nothing between, and retry the scope: each attempt needs a new " +
			"signature. Set the HTTP action's own retry policy to none.",
		FixInCode: "Sign just before sending, and sign each retry again. Remove an X-Amz-Date of an earlier attempt before signing.",
		Details: []Detail{{"delay", "something waited between signing and " +
			"sending"}, {"retry", "a retry repeated the headers"}, {"reused", "a signed request was used again"}},
	},
	{
		ID: "presign-expired", Family: FamilyTime, Title: "The presigned URL has expired.", Side: SideClient, Most: Proved,
		Means:         "It was used after X-Amz-Date + X-Amz-Expires. One that a session signed ends with the session at the latest.",
		Decides:       "AWS says so, or the URL's own times against the Date of the response.",
		FixInWorkflow: "Create the URL just before it is used, or give a longer expiresInSeconds.",
		FixInCode:     "Presign again, with X-Amz-Expires as long as needed, at most 604800 seconds.",
	},
	{
		ID: "presign-lifetime", Family: FamilyTime, Title: "The lifetime of the presigned URL is not allowed.", Side: SideSigner, Most: Proved,
		Means:         "X-Amz-Expires must be a whole number of seconds from 1 to 604800, seven days.",
		Decides:       "AWS says so; the URL shows it.",
		FixInWorkflow: "Give expiresInSeconds as a number from 1 to 604800.",
		FixInCode:     "Set X-Amz-Expires to a number of seconds from 1 to 604800; an unset variable becomes undefined or NaN.",
		Details:       []Detail{{"too-long", "it is longer than seven days"}, {"not-a-number", "it is not a number"}},
	},
	{
		ID: "presign-not-yet", Family: FamilyTime, Title: "The presigned URL is not valid yet.", Side: SideClock, Most: Proved,
		Means:         "X-Amz-Date is in the future: the clock that made the URL is ahead, or local time was written as UTC.",
		Decides:       "AWS says so; the URL's date against AWS's.",
		FixInWorkflow: "Ask whoever runs the signing machine to set its clock.",
		FixInCode:     "Presign with the current time in UTC; synchronize the clock.",
	},
}
