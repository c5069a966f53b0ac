package diagnosis

import "strings"

var credentialCauses = []CauseInfo{
	{
		ID: "unknown-key", Family: FamilyCredentials, Title: "AWS does not know this access key id.", Side: SideCredentials, Most: Stated,
		Means: "The key was deleted or made inactive, belongs to another partition (China, GovCloud) or another store, or is mistyped.",
		Decides: "AWS says so. Where it only calls the security token invalid, a key that never has a token (AKIA) leaves " +
			"the key itself.",
		FixInWorkflow: "Ask whoever runs the profile to check its access key id in IAM, or to make a new key.",
		FixInCode:     "Check the key in IAM (aws iam get-access-key-last-used --access-key-id …), its account and its partition.",
	},
	{
		ID: "missing-token", Family: FamilyCredentials, Title: "The session token was not sent.", Side: SideClient, Most: Proved,
		Means:         "An access key id that begins with ASIA belongs to a session, and every request of it needs x-amz-security-token.",
		Decides:       "The request has an ASIA key and no token.",
		FixInWorkflow: "Send all headers of the signing step's response, X-Amz-Security-Token among them.",
		FixInCode:     "Set x-amz-security-token before signing and sign it; in a presigned URL it is the parameter X-Amz-Security-Token.",
	},
	{
		ID: "invalid-token", Family: FamilyCredentials, Title: "AWS does not accept the session token.", Side: SideCredentials, Most: Stated,
		Means: "The token is cut or damaged, of another session than the key, or not issued by AWS. In a URL every + and / of it must be " +
			"encoded.",
		Decides: "AWS says so; the profile's session has this key and another token; blanks in the token are plus signs that were " +
			"not encoded.",
		FixInWorkflow: "Take a new signature, and send the token as it comes.",
		FixInCode:     "Pass the token on whole and unchanged; encode it in a URL (%2B, %2F, %3D).",
		Details:       []Detail{{"damaged", "characters were changed or lost"}},
	},
	{
		ID: "token-not-for-key", Family: FamilyCredentials, Title: "The session token does not belong to this access " +
			"key.", Side: SideCredentials, Most: Proved,
		Means: "Key id, secret and token come as three and change together. A token beside a long-term key (AKIA), or " +
			"beside the key of another session, is refused.",
		Decides:       "The request has a token beside an AKIA key, or the profile's token beside another key.",
		FixInWorkflow: "Take key and token from one response; do not keep one of them in a variable.",
		FixInCode:     "Unset a stale AWS_SESSION_TOKEN, and refresh all three together.",
	},
	{
		ID: "foreign-token", Family: FamilyCredentials, Title: "The session token is not valid in this " +
			"region.", Side: SideCredentials, Most: Likely,
		Means: "A session of the global endpoint sts.amazonaws.com is valid in regions that are enabled by default; opt-in " +
			"regions need one from a regional endpoint.",
		Decides:       "The region is an opt-in region and the session came from the global endpoint.",
		FixInWorkflow: "Ask the operator to get sessions from STS of the region.",
		FixInCode: "Use sts.<region>.amazonaws.com (AWS_STS_REGIONAL_ENDPOINTS=regional), or let the account's global " +
			"tokens be valid in all regions.",
	},
	{
		ID: "expired-token", Family: FamilyCredentials, Title: "The session has expired.", Side: SideCredentials, Most: Stated,
		Means:         "The credentials are temporary and their time is over. A presigned URL ends with the session that made it.",
		Decides:       "AWS says so, or the session is known to have ended before the request.",
		FixInWorkflow: "Run the signing step again: it takes a new session.",
		FixInCode:     "Refresh the credentials before they end, and sign again.",
	},
}

const signatureRight = "The signature was right; a policy decides here."

var permissionCauses = []CauseInfo{
	denied("denied-identity", "No identity-based policy allows the action.", "no identity-based policy allows it",
		"Give the user or role a policy that allows the action on the resource."),
	denied("denied-explicit-identity", "An identity-based policy denies the action.", "an explicit deny in an identity-based policy",
		"Find the Deny statement on the user, its groups or the role, and its conditions. An Allow elsewhere does not help."),
	denied("denied-resource", "No resource-based policy allows the action.", "no resource-based policy allows it",
		"Allow the caller in the policy of the resource: bucket policy, key policy, queue policy or the policy of the API."),
	denied("denied-explicit-resource", "A resource-based policy denies the action.", "an explicit deny in a resource-based policy",
		"Find the Deny statement in the policy of the resource (bucket, key, queue, API), and its conditions."),
	denied("denied-scp", "A service control policy denies the action.", "a service control policy of the organization",
		"Change the service control policy (SCP) in AWS Organizations: it stops the action whatever the account's own policies say."),
	denied("denied-rcp", "A resource control policy denies the action.", "a resource control policy of the organization",
		"Change the resource control policy (RCP) in AWS Organizations of the account that owns the resource."),
	denied("denied-boundary", "A permissions boundary does not allow the action.", "a permissions boundary",
		"Extend the permissions boundary of the user or role; it limits what its policies can give."),
	denied("denied-session", "The session policy does not allow the action.", "a session policy",
		"Extend the policy that was given when the session was made (AssumeRole, Policy or PolicyArns); in this service, that is the "+
			"policy of the profile."),
	denied("denied-endpoint", "A VPC endpoint policy does not allow the action.", "a VPC endpoint policy",
		"Extend the policy of the VPC endpoint through which the request went."),
	{
		ID: "denied-trust", Family: FamilyPermission, Title: "The role may not be assumed.", Side: SidePolicy, Most: Stated,
		Means: signatureRight + " For sts:AssumeRole the text does not tell which of three is missing: the role's trust policy, " +
			"its external id, or the caller's own permission.",
		Decides:       "AWS names sts:AssumeRole (or AssumeRoleWithWebIdentity, TagSession).",
		FixInWorkflow: "Ask whoever runs AWS: the role's trust policy must name the caller, with the external id if it asks for one.",
		FixInCode: "Check three things: the trust policy of the role names the caller (and sts:TagSession where session tags are sent); " +
			"its condition sts:ExternalId is met; the caller's policy allows sts:AssumeRole on the role.",
	},
	{
		ID: "denied-function-url", Family: FamilyPermission, Title: "The function URL may not be called.", Side: SidePolicy, Most: Stated,
		Means: signatureRight + " Since October 2025 a function URL needs two permissions: lambda:InvokeFunctionUrl and " +
			"lambda:InvokeFunction.",
		Decides:       "The text of Lambda: Forbidden. For troubleshooting Function URL authorization issues.",
		FixInWorkflow: "Ask whoever runs the function to allow the caller both lambda:InvokeFunctionUrl and lambda:InvokeFunction.",
		FixInCode: "Allow lambda:InvokeFunctionUrl and lambda:InvokeFunction (condition lambda:InvokedViaFunctionUrl) to " +
			"the caller; check that AuthType is AWS_IAM and the request is signed for lambda.",
	},
	{
		ID: "denied-aoss", Family: FamilyPermission, Title: "OpenSearch Serverless refused the request.", Side: SidePolicy, Most: Likely,
		Means: "Its 403 stands for several causes: IAM permission aoss:APIAccessAll, the data access policy, the network policy, " +
			"a signed content-length, a missing payload hash.",
		Decides: "The host is one of aoss; the text does not tell which.",
		FixInWorkflow: "Ask whoever runs the collection for aoss:APIAccessAll in IAM, a data access policy and a network policy " +
			"for the caller.",
		FixInCode: "Allow aoss:APIAccessAll, name the role in the data access policy, check the network policy; sign for " +
			"service aoss with x-amz-content-sha256 and without content-length.",
	},
	{
		ID: "denied-api-key", Family: FamilyPermission, Title: "API Gateway forbids the request: API key, resource policy or " +
			"private API.", Side: SidePolicy, Most: Likely,
		Means: "{\"message\":\"Forbidden\"} of API Gateway has nothing to do with the signature: an API key (x-api-key) is missing or " +
			"in no usage plan of the stage, " +
			"the API is private, WAF blocks, a custom domain has no mapping, or @connections is called without its stage.",
		Decides:       "The response is the bare Forbidden; the request shows whether x-api-key was sent.",
		FixInWorkflow: "If the API needs an API key, send it in the header x-api-key; check the path of the custom domain.",
		FixInCode: "Send an x-api-key of a usage plan that includes this stage; look at WAF, at the API's endpoint type and at " +
			"its base path mappings.",
	},
	{
		ID: "denied-unspecified", Family: FamilyPermission, Title: "AWS denied access without saying why.", Side: SidePolicy, Most: Likely,
		Means: "A bare AccessDenied. At S3: a policy, a public access block, a key of KMS, or an object that does not exist " +
			"while s3:ListBucket " +
			"is not allowed. At S3-compatible stores of other vendors, also a wrong secret.",
		Decides: "The text names neither action nor policy. CloudTrail does.",
		FixInWorkflow: "Check bucket and key first: without s3:ListBucket a missing object looks like this. Then ask whoever " +
			"runs AWS for the permission.",
		FixInCode: "Check that the object exists; allow the action (s3:GetObject, s3:PutObject) and s3:ListBucket; look at " +
			"the bucket policy, KMS and CloudTrail. For EC2, aws sts decode-authorization-message tells more.",
	},
	{
		ID: "not-subscribed", Family: FamilyPermission, Title: "The account is not subscribed to this.", Side: SideAccount, Most: Stated,
		Means:         "The account has not enabled the service, or has no access to the Bedrock model.",
		Decides:       "AWS says so (OptInRequired, SubscriptionRequired, model access).",
		FixInWorkflow: "Ask whoever runs the account to enable the service or to request access to the model.",
		FixInCode:     "Enable the service in the account; for Bedrock request model access in this region.",
	},
	{
		ID: "region-disabled", Family: FamilyPermission, Title: "The region is not enabled for this account.", Side: SideAccount, Most: Stated,
		Means:         "Opt-in regions must be enabled in the account before anything can be called there.",
		Decides:       "AWS says so (RegionDisabledException), or the region is an opt-in region.",
		FixInWorkflow: "Use a region that the account has, or ask whoever runs the account to enable this one.",
		FixInCode:     "Enable the region in the account settings, or use another endpoint.",
	},
	{
		ID: "other-authorizer", Family: FamilyPermission, Title: "The route is protected by another authorizer than " +
			"IAM.", Side: SideRoute, Most: Stated,
		Means:         "A Cognito, JWT or Lambda authorizer refused the request; AWS did not look at the signature.",
		Decides:       "{\"message\":\"Unauthorized\"}, or not authorized to access this resource, from API Gateway.",
		FixInWorkflow: "Call the API with the token that it asks for, or ask for a route with IAM authorization.",
		FixInCode:     "Send what the authorizer expects in Authorization, or set the method's authorization to AWS_IAM.",
	},
	{
		ID: "unknown-route", Family: FamilyPermission, Title: "API Gateway has no such route, method or stage.", Side: SideRoute, Most: Likely,
		Means: "API Gateway answers Missing Authentication Token to signed requests whose path, method or stage it does not know: " +
			"the stage is missing or has no slash behind it, the path has a fragment (#), or the API was not deployed.",
		Decides:       "The response is Missing Authentication Token though a signature was sent.",
		FixInWorkflow: "Check the address against the invoke URL of the stage: https://id.execute-api.region.amazonaws.com/stage/path.",
		FixInCode:     "Check stage, path and method; deploy the API again; encode # as %23.",
		Details:       []Detail{{"fragment", "a # in the path cuts the address"}},
	},
}

func denied(id Cause, title, policy, fix string) CauseInfo {
	return CauseInfo{
		ID: id, Family: FamilyPermission, Title: title, Side: SidePolicy, Most: Stated,
		Means:         signatureRight + " What stops it: " + policy + ".",
		Decides:       "The end of the message names the kind of policy, and since 2026 often its ARN.",
		FixInWorkflow: "The workflow is right. Ask whoever runs AWS to " + strings.ToLower(fix[:1]) + fix[1:],
		FixInCode:     fix,
	}
}

var elsewhereCauses = []CauseInfo{
	{
		ID: "waf-blocked", Family: FamilyElsewhere, Title: "A firewall blocked the request before AWS looked at the " +
			"signature.", Side: SideFront, Most: Likely,
		Means:         "AWS WAF, at CloudFront, API Gateway or a load balancer, or another vendor's firewall (Cloudflare) answered.",
		Decides:       "The page is one of CloudFront (Request blocked), or the response has cf-mitigated.",
		FixInWorkflow: "Ask whoever runs the API which WAF rule fits this request: body, size, address or country.",
		FixInCode:     "Look into the sampled requests of the web ACL; the signature plays no part.",
	},
	{
		ID: "front-refused", Family: FamilyElsewhere, Title: "Something in front of AWS refused the request.", Side: SideFront, Most: Likely,
		Means: "CloudFront, Azure API Management, a load balancer or another gateway answered in its own name; AWS's " +
			"service did not see the request.",
		Decides:       "Server, Via, WWW-Authenticate and the wording of the page.",
		FixInWorkflow: "Look at the settings of the gateway in front of AWS: it may need its own key or token.",
		FixInCode:     "Call the AWS endpoint itself to compare; let the gateway pass Host, Authorization and x-amz-* unchanged.",
	},
	{
		ID: "proxy-page", Family: FamilyElsewhere, Title: "A proxy answered in AWS's place.", Side: SideProxy, Most: Likely,
		Means:         "A web proxy such as Squid refused the request, or asks for a login.",
		Decides:       "X-Squid-Error, Via, Proxy-Authenticate, status 407, or the wording of the page.",
		FixInWorkflow: "Ask whoever runs the network to let requests to this AWS host pass.",
		FixInCode:     "Check HTTPS_PROXY and NO_PROXY, and what the proxy allows.",
	},
	{
		ID: "not-reached", Family: FamilyElsewhere, Title: "AWS was not reached.", Side: SideNetwork, Most: Stated,
		Means:         "The connection failed: name not found, refused, timed out or TLS.",
		Decides:       "The client's error; there is no response from AWS.",
		FixInWorkflow: "Check the host in the address, and whether your network lets it through.",
		FixInCode:     "Check DNS, VPC endpoints, security groups and certificates.",
	},
	{
		ID: "throttled", Family: FamilyElsewhere, Title: "AWS limits the rate of requests.", Side: SideAWS, Most: Stated,
		Means:         "Too many requests at once. The signature is not the reason.",
		Decides:       "Status 429 or a code such as ThrottlingException, SlowDown, RequestLimitExceeded.",
		FixInWorkflow: "Wait and try again, less often or less at once. Retry signing and calling together: each retry must sign again.",
		FixInCode:     "Retry with growing pauses, and sign again each time.",
	},
	{
		ID: "aws-fault", Family: FamilyElsewhere, Title: "AWS or the service behind it failed.", Side: SideAWS, Most: Stated,
		Means:         "A status of 500 or above: the service, or the integration behind an API. The signature is not the reason.",
		Decides:       "The status, or a code such as InternalError, ServiceUnavailable.",
		FixInWorkflow: "Try again later. Retry signing and calling together: each retry must sign again.",
		FixInCode:     "Retry with growing pauses, and sign again each time; for an API look into the integration's log.",
	},
	{
		ID: "signature-right", Family: FamilyElsewhere, Title: "The signature was right: AWS refuses what the request asks " +
			"for.", Side: SideRequest, Most: Stated,
		Means:         "AWS checked the signature, accepted it, and then found something else: a missing object, a bad parameter, a state.",
		Decides:       "The code is one that comes after the signature was checked.",
		FixInWorkflow: "Leave the signing alone; correct what the message names.",
		FixInCode:     "Leave the signing alone; correct what the message names.",
		Details: []Detail{{"not-found", "there is no such resource"}, {"bad-request", "the request asks for something " +
			"that is not possible"}},
	},
	{
		ID: "unclear", Family: FamilyElsewhere, Title: "The text does not show the cause.", Side: SideUnknown, Most: Open,
		Means:         "Several causes fit. The questions say what to provide.",
		Decides:       "Nothing given tells the causes apart.",
		FixInWorkflow: "Give what the questions ask for: usually the request as it was sent, and the whole response.",
		FixInCode:     "Log the canonical request and the string to sign of your signer, and compare them with AWS's.",
	},
}
