package diagnosis

// bodyDetails are the changes of a body that can be distinguished, both after signing and by the signer.
var bodyDetails = []Detail{
	{"trailing-newline-added", "a line feed was added at the end"},
	{"trailing-newline-removed", "the line feed at the end was removed"},
	{"trailing-newline", "the line feed at the end differs"},
	{"crlf", "line feeds became CR LF"},
	{"lf", "line ends were changed or removed"},
	{"bom-added", "a byte order mark was put in front"},
	{"bom-removed", "the byte order mark was removed"},
	{"trimmed", "white space at the ends was removed"},
	{"json-reserialised", "the JSON was serialized again: white space, order, escapes or numbers"},
	{"json-quoted", "the JSON was sent as a JSON string, with quotes around it"},
	{"base64-sent", "the base64 text was sent in place of the bytes"},
	{"base64-decoded", "the bytes were sent in place of the base64 text"},
	{"envelope", "the workflow's envelope $content-type and $content was sent or signed"},
	{"form-reencoded", "the form was encoded again: + for %20, ~, order"},
	{"charset", "the text was written in another character set"},
	{"gzip", "the body was compressed"},
	{"emptied", "no body arrived"},
	{"empty", "the hash of an empty body was signed"},
	{"unsigned", "UNSIGNED-PAYLOAD was signed"},
	{"upper-case", "the hash was written in capitals"},
	{"base64", "the hash was written in base64"},
	{"missing", "no hash was signed"},
	{"hash-of-hash", "the hash was hashed again"},
	{"other", "the kind of change is not known"},
}

// pathDetails are the changes of a path, both after signing and by the signer.
var pathDetails = []Detail{
	{"encoded-once", "it was signed encoded once, and the service encodes it again"},
	{"encoded-twice", "it was signed encoded twice, and the service encodes it once"},
	{"not-encoded", "it was signed without percent-encoding"},
	{"not-normalised", "//, /./ or /../ were signed, and the service removes them"},
	{"holds-query", "the query was signed as part of the path"},
	{"encoded-again", "it was percent-encoded once more"},
	{"decoded", "percent-encoding was undone"},
	{"hex-case", "the case of percent-encoding differs"},
	{"normalised", "//, /./ or /../ were removed"},
	{"prefix-removed", "its beginning was removed, or not signed"},
	{"prefix-added", "something was put in front"},
	{"trailing-slash", "the slash at the end was added or removed"},
	{"other", "it is another path"},
}

// queryDetails are the changes of a query, both after signing and by the signer.
var queryDetails = []Detail{
	{"omitted", "it was not signed"},
	{"unsorted", "the parameters were not sorted when they were signed"},
	{"not-encoded", "it was signed without percent-encoding"},
	{"encoded-twice", "it was signed encoded twice"},
	{"plus", "a plus sign was taken for a space, or a space for a plus sign"},
	{"no-equals", "a parameter without a value was signed without ="},
	{"added", "a parameter was added after signing"},
	{"removed", "a parameter was removed"},
	{"value", "a value changed"},
	{"encoded-again", "it was percent-encoded once more"},
	{"other", "it is another query"},
}

const (
	asTextFix = "The step that calls AWS changed the request after it was signed. Send the response of the signing step as it came: " +
		"its url, its headers, and its body as text, not as an object."
	allInfo = " Compare the two lines of the evidence; AWS computes its line from what arrives."
)

var changedCauses = []CauseInfo{
	{
		ID: "changed-method", Family: FamilyChanged, Title: "The method changed after signing.", Side: SideClient, Most: Proved,
		Means: "The method that arrived is not the one that was signed. A redirect turns POST into GET and drops the body; some clients " +
			"turn PUT into POST.",
		Decides: "The first line of AWS's canonical request differs from the method that was signed.",
		FixInWorkflow: "Set the action's method to the one that was signed, and use the url of the signing step's " +
			"response, so that nothing redirects.",
		FixInCode: "Do not follow redirects with a signed request: sign again for the new address." + allInfo,
	},
	{
		ID: "changed-path", Family: FamilyChanged, Title: "The path changed after signing.", Side: SideClient, Most: Proved,
		Means: "The path that arrived is not the one that was signed: a client decoded, encoded or tidied it, or a proxy " +
			"removed or added a part.",
		Decides: "The second line of AWS's canonical request differs. Services other than S3 encode the path once more, " +
			"so %2525 there is a path that was encoded twice on the wire.",
		FixInWorkflow: "Use the url of the signing step's response as it is; do not build it again. With a proxy or custom domain in between, " +
			"sign the path that AWS sees.",
		FixInCode: "Send the path byte for byte as it was signed; switch off path normalization in the client and rewriting " +
			"in the proxy." + allInfo,
		Details: pathDetails,
	},
	{
		ID: "changed-query", Family: FamilyChanged, Title: "The query changed after signing.", Side: SideClient, Most: Proved,
		Means:   "The query that arrived is not the one that was signed: a parameter was added, removed or encoded in another way.",
		Decides: "The third line of AWS's canonical request differs. %2B that arrives as %20 was sent as a plain plus.",
		FixInWorkflow: "Use the url of the signing step's response as it is: leave the Queries field of the action " +
			"empty and add nothing to the address.",
		FixInCode: "Sign the final query, every parameter included, and send it with the same encoding; %20 for a space, " +
			"%2B for a plus." + allInfo,
		Details: queryDetails,
	},
	{
		ID: "changed-host", Family: FamilyChanged, Title: "The host that arrived is not the one that was signed.", Side: SideClient, Most: Proved,
		Means: "The Host header that reached AWS is not the one that was signed: a proxy or custom domain replaced it, " +
			"or the client wrote the port into it.",
		Decides: "The host line of AWS's canonical request differs.",
		FixInWorkflow: "Call the host that was signed. If a proxy is in between, let it pass the Host header on, or sign for the " +
			"host that AWS sees.",
		FixInCode: "Sign the Host header as the client sends it: without :443 for https. Configure the proxy to preserve it." + allInfo,
		Details:   []Detail{{"name", "it is another name"}, {"port", "the port was added or removed"}},
	},
	{
		ID: "changed-header", Family: FamilyChanged, Title: "A signed header changed on the way.", Side: SideClient, Most: Proved,
		Means: "A header that the signature covers arrived with another value. Clients append a charset to content-type " +
			"and replace accept-encoding or user-agent.",
		Decides:       "A header line of AWS's canonical request differs.",
		FixInWorkflow: "Leave this header out of signedHeaders, or give the signing step exactly the value that your client sends.",
		FixInCode:     "Sign only host and x-amz-*; or set the header so that the client has no reason to change it." + allInfo,
		Details: []Detail{
			{"charset-appended", "a charset was appended"},
			{"value", "it has another value"},
			{"repeated", "it was sent twice"},
		},
	},
	{
		ID: "dropped-header", Family: FamilyChanged, Title: "A signed header did not arrive.", Side: SideClient, Most: Proved,
		Means: "The signature covers a header that the client did not send. Azure Logic Apps leaves some out without a " +
			"word, such as Content-MD5.",
		Decides:       "Its line in AWS's canonical request is empty, or AWS says that it does not exist.",
		FixInWorkflow: "Leave this header out of signedHeaders: your client does not send it.",
		FixInCode:     "Send every header of SignedHeaders, or do not sign this one." + allInfo,
	},
	{
		ID: "changed-body", Family: FamilyChanged, Title: "The body changed after signing.", Side: SideClient, Most: Proved,
		Means: "The hash of the bytes that arrived is not the one that was signed. Clients serialize JSON and forms again, change line ends, " +
			"add a line feed, compress, or send base64 in place of bytes.",
		Decides: "The last line of AWS's canonical request differs, or S3 says XAmzContentSHA256Mismatch. Trying the " +
			"usual changes shows which it was.",
		FixInWorkflow: asTextFix,
		FixInCode: "Hash exactly the bytes that are sent, after the last serialization. For multipart/form-data build the body " +
			"yourself, with the boundary that you sign.",
		Details: bodyDetails,
	},
	{
		ID: "unsigned-header", Family: FamilyChanged, Title: "A header was sent that the signature does not " +
			"cover.", Side: SideClient, Most: Proved,
		Means:         "Every x-amz-* header must be signed, the session token included. This one was added after signing.",
		Decides:       "AWS lists it, or the request has it and SignedHeaders does not.",
		FixInWorkflow: "Give the header to the signing step, and send only the headers of its response.",
		FixInCode:     "Add the header before signing and list it in SignedHeaders. For a session that is x-amz-security-token.",
	},
}
