package problem

// kind is what all problems with the same code have in common.
type kind struct {
	status int
	title  string
	hint   string
}

// kinds has every code. docs/errors.md explains them; a test compares the two.
var kinds = map[string]kind{
	"body_missing":    {400, "Missing request body", "Send a JSON object with at least method and url."},
	"body_unreadable": {400, "Incomplete request body", "Send the request again."},
	"json_invalid": {
		400, "Invalid JSON",
		"Send one JSON document in UTF-8. In a workflow, insert values with string() or json(), so that " +
			"quotes and line breaks are escaped.",
	},
	"json_encoded_twice": {
		400, "JSON encoded twice",
		"Send the object itself. In a workflow, leave out string(), or put json() around the text.",
	},
	"chunking_unsupported": {
		400, "Chunked body not supported",
		"Switch chunking off in the settings of the step that sends this (Allow chunking).",
	},
	"json_duplicate_name": {
		400, "Duplicate field",
		"Remove one of the two; the service does not guess which one counts.",
	},
	"field_unknown": {
		400, "Unknown field",
		"Check its spelling against the OpenAPI document at /openapi.yaml.",
	},
	"field_missing":   {400, "Missing field", "Add the field named in detail."},
	"field_invalid":   {400, "Invalid field", "Correct the field named in detail."},
	"fields_conflict": {400, "Conflicting fields", "Keep one of the fields named in detail."},
	"url_invalid": {
		400, "Invalid URL",
		"Give the complete address, https://host/path?query, with special characters percent-encoded.",
	},
	"url_not_https": {
		400, "URL is not https",
		"Use https. For a local server, the operator can list its host in http_hosts.",
	},
	"header_invalid": {400, "Invalid header", "Correct or remove the header named in detail."},
	"host_not_aws": {
		400, "Not an AWS endpoint",
		"Check the URL. For a custom domain, give service and region.",
	},
	"host_not_signed": {
		400, "Host accepts no AWS signature",
		"Call it without a signature, as detail explains.",
	},
	"scope_needed": {
		400, "Service or region missing",
		"Give the field named in detail; it cannot be inferred from the host.",
	},
	"option_not_allowed": {
		403, "Field not allowed by the operator",
		"Leave the field out, or ask the operator to allow it.",
	},
	"partition_differs": {
		400, "Region and profile in different partitions",
		"Use a region of the profile's partition, or a profile of the region's.",
	},
	"profile_unknown": {
		400, "Unknown profile",
		"Use a profile that GET /v1/profiles lists, or leave the field out for the default profile.",
	},
	"unauthenticated": {401, "Invalid or missing API key", "Send your key in the X-API-Key header."},
	"credentials_conflict": {
		400, "Two API keys given",
		"Send one key: in X-API-Key, as a Bearer token, as the password of the Basic scheme, or as the session token of an AWS SDK.",
	},
	"identity_unavailable": {
		503, "The token cannot be checked",
		"Try again after the time that Retry-After gives.",
	},
	"cross_origin": {
		403, "Cross-origin request",
		"Call the service from a program or a workflow, not from a web page of another origin.",
	},
	"host_unknown": {
		421, "Unknown host",
		"Use localhost or an IP address, or set public_url; for countersign proxy, --allow-host. With auth none, other names are refused.",
	},
	"forbidden": {403, "Not allowed", "Ask the operator for a policy that allows it."},
	"login_required": {
		403, "The caller's own token is required",
		"Call with a bearer token of Entra ID or of an issuer that the operator lists, or use another profile.",
	},
	"login_expired": {401, "The token expires too soon", "Get a new token for each call."},
	"session_denied": {
		403, "AWS session refused",
		"The operator can find the reason in the log, under the id in instance: usually the role's trust policy " +
			"or the external ID.",
	},
	"session_misconfigured": {
		500, "Profile misconfigured",
		"The operator can find the reason in the log, under the id in instance.",
	},
	"session_unavailable": {
		503, "AWS session unavailable",
		"Try again after the time that Retry-After gives.",
	},
	"session_short": {
		503, "AWS session too short",
		"Ask for a smaller minValiditySeconds, or try again after the time that Retry-After gives.",
	},
	"session_changed": {
		409, "AWS session replaced",
		"Start again with step 1: the session was replaced between the steps.",
	},
	"not_found": {
		404, "Not found",
		"The OpenAPI document at /openapi.yaml lists every path.",
	},
	"method_not_allowed": {405, "Method not allowed", "Use a method that the Allow header lists."},
	"rate_limited":       {429, "Too many requests", "Try again after the time that Retry-After gives."},
	"busy": {
		503, "Too many requests at once",
		"Try again after the time that Retry-After gives.",
	},
	"audit_unavailable": {
		503, "Audit record not written",
		"Try again later; the operator can find the cause in the log, under the id in instance.",
	},
	"functions_payload": {
		500, "The Functions host wraps requests",
		"Set customHandler.enableProxyingHttpRequest and customHandler.enableForwardingHttpRequest to true " +
			"in host.json and deploy again; keep exactly the two bindings of function.json.",
	},
	"body_too_large": {
		413, "Request too large",
		"To only sign it, send payloadSha256 instead of the body. To have it sent, presign a URL or use the proxy, which streams. " +
			"The operator can raise max_body_bytes.",
	},
	"content_type_unsupported": {
		415, "Content-Type is not application/json",
		"Set the header Content-Type: application/json.",
	},
	"content_encoding_unsupported": {
		415, "Compressed request not supported",
		"Send the body uncompressed, without Content-Encoding.",
	},
	"internal": {
		500, "Internal error",
		"Try again. If it persists, the operator can find the cause in the log, under the id in instance.",
	},
	"draining": {503, "The service is stopping", "Try again; another instance will respond."},

	"send_not_allowed": {
		403, "Sending is off",
		"Sign the request and send it yourself, or ask the operator to set allow_send.",
	},
	"host_not_sendable": {
		403, "Sending to this host is not allowed",
		"Check the URL. The operator can give the host to a profile, in hosts, or list it in http_hosts.",
	},
	"request_unsendable": {
		400, "The request cannot be sent as it is",
		"An unsigned payload needs https; URLs and headers are sent as they were signed.",
	},
	"payload_unsupported": {
		501, "Payload type not supported",
		"Payloads signed as event streams or with Signature Version 4a cannot be sent from here.",
	},
	"aws_refused": {
		400, "AWS refused the request",
		"AWS's response is in aws. Correct the request, or the permissions of the profile's role.",
	},
	"aws_redirected": {
		400, "AWS responded with a redirect",
		"Redirects are not followed: call the address or the region named in detail.",
	},
	"aws_throttled": {429, "AWS throttled the request", "Try again after the time that Retry-After gives."},
	"aws_failed":    {503, "AWS failed", "Try again after the time that Retry-After gives. AWS's response is in aws."},
	"proxy_unsupported": {
		501, "The proxy does not work here",
		"Use POST /v1/send, or run the service outside of Azure Functions.",
	},
	"aws_unreachable": {
		503, "AWS could not be reached",
		"Nothing was sent. Check the host, and try again after the time that Retry-After gives.",
	},
	"aws_timeout": {
		504, "No response from AWS",
		"The method can be repeated: try again. For work that takes AWS longer than timeoutSeconds, start it and poll for the result.",
	},
	"outcome_unknown": {
		424, "Outcome unknown",
		"Check at AWS whether it was done before you repeat it. If the service has an idempotency token, using one makes repeating safe.",
	},
	"function_failed": {
		424, "The function failed",
		"It ran, and may have completed part of its work. Its response is in aws.body; correct the function or the event " +
			"before you repeat it.",
	},
	"caller_gone": {
		499, "The caller has gone",
		"Give the client more time. sts_wait_ms and queue_ms in the log say what the request waited for.",
	},
	"answer_broken": {502, "Response cut short", "The method can be repeated: try again."},
	"answer_is_stream": {
		422, "The response is an event stream",
		"Call the operation that returns a single response, or use the proxy, which supports streams.",
	},
	"answer_too_large": {
		422, "The response is too large",
		"Presign the URL and fetch it directly, ask for a part with the header Range, or ask the operator to raise max_response_bytes, " +
			"or to check spool_dir if detail names it.",
	},
}
