package diagnosis

const letSign = "Let this service sign, and send its response as it came: then this cannot happen."

var signerCauses = []CauseInfo{
	{
		ID: "signed-path", Family: FamilySigner, Title: "The signer wrote the path differently from AWS.", Side: SideSigner, Most: Proved,
		Means: "The canonical path is that of the wire, percent-encoded once more; S3 alone takes it encoded once and " +
			"never normalized.",
		Decides:       "A canonical request with this mistake gives exactly the signature that was sent.",
		FixInWorkflow: letSign,
		FixInCode:     "Encode each segment once for the wire and once more for the canonical path. For S3: encode once, keep // and dots.",
		Details:       pathDetails,
	},
	{
		ID: "signed-query", Family: FamilySigner, Title: "The signer wrote the query differently from AWS.", Side: SideSigner, Most: Proved,
		Means:         "The canonical query has every parameter, encoded strictly, sorted by name, each with an equals sign.",
		Decides:       "A canonical request with this mistake gives exactly the signature that was sent.",
		FixInWorkflow: letSign,
		FixInCode: "Decode each name and value, encode all but A-Z a-z 0-9 - _ . ~ as %XX in capitals (a space is %20), sort by " +
			"encoded name, " +
			"then by value, and write name= where there is no value.",
		Details: queryDetails,
	},
	{
		ID: "signed-headers", Family: FamilySigner, Title: "The signer wrote the headers differently from AWS.", Side: SideSigner, Most: Proved,
		Means: "Each header is one line, name in lower case, a colon, the value trimmed with runs of spaces folded to one; sorted by name, " +
			"a line feed after each, then an empty line and the list of names.",
		Decides:       "A canonical request with this mistake gives exactly the signature that was sent.",
		FixInWorkflow: letSign,
		FixInCode: "Follow the form: name:value and a line feed for each header in the order of SignedHeaders, then an " +
			"empty line, then the list.",
		Details: []Detail{
			{"value-not-folded", "runs of spaces in a value were not folded to one"},
			{"value-not-trimmed", "spaces at the ends of a value were not removed"},
			{"name-case", "names were not in lower case"},
			{"order", "names were not sorted"},
			{"blank-line", "the empty line after the headers is missing"},
			{"line-ends", "lines end in CR LF"},
			{"host", "another host was signed, such as one with a port"},
		},
	},
	{
		ID: "signed-payload", Family: FamilySigner, Title: "The payload hash that was signed is not that of the " +
			"body.", Side: SideSigner, Most: Proved,
		Means: "The last line of the canonical request is the SHA-256 of the bytes of the body in lower-case hexadecimal, " +
			"or UNSIGNED-PAYLOAD in a presigned URL of S3. Code that works for GET and fails for PUT has the hash of an empty body written in.",
		Decides: "A canonical request with this hash gives exactly the signature that was sent, or the request's own " +
			"x-amz-content-sha256 shows it.",
		FixInWorkflow: "Give the body to the signing step as it is sent, as text.",
		FixInCode: "Hash the bytes that are sent: hex(sha256(body)) in lower case; " +
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 " +
			"is right only where there is no body. A presigned URL of S3 signs UNSIGNED-PAYLOAD.",
		Details: bodyDetails,
	},
	{
		ID: "signed-time", Family: FamilySigner, Title: "The string to sign has another time than x-amz-date.", Side: SideSigner, Most: Proved,
		Means:         "The clock was read twice: once for the header, once for the string to sign. It works now and then.",
		Decides:       "A string to sign with another second gives exactly the signature that was sent.",
		FixInWorkflow: letSign,
		FixInCode:     "Read the clock once and use that value for X-Amz-Date, the credential scope, the string to sign and the key.",
	},
	{
		ID: "signed-string", Family: FamilySigner, Title: "The string to sign has another form than AWS's.", Side: SideSigner, Most: Proved,
		Means: "The string to sign is the algorithm, the time, the credential scope and the hash of the canonical " +
			"request, four lines with no line feed at the end.",
		Decides: "A string to sign with this mistake gives exactly the signature that was sent, or the signer's own string " +
			"differs from AWS's.",
		FixInWorkflow: letSign,
		FixInCode: "Join the four parts with single line feeds; the hash is hexadecimal in lower case; the scope is that of " +
			"the Credential.",
	},
	{
		ID: "signed-key", Family: FamilySigner, Title: "The signing key was derived differently from AWS's.", Side: SideSigner, Most: Proved,
		Means: "The key is HMAC of HMAC over \"AWS4\" + secret, day, region, service and aws4_request, with the values " +
			"of the credential scope.",
		Decides:       "A key with this mistake gives exactly the signature that was sent.",
		FixInWorkflow: letSign,
		FixInCode:     "Put AWS4 before the secret, and derive with day, region and service of the credential scope, each step with raw bytes.",
		Details: []Detail{
			{"prefix", "AWS4 was not put before the secret"},
			{"region", "another region than that of the scope"},
			{"service", "another service than that of the scope"},
			{"date", "another day than that of the scope"},
		},
	},
	{
		ID: "signature-form", Family: FamilySigner, Title: "The signature is not written in AWS's form.", Side: SideSigner, Most: Proved,
		Means:         "A signature is 64 hexadecimal digits in lower case.",
		Decides:       "The value that was sent is the right one in another form, or is not 64 hexadecimal digits.",
		FixInWorkflow: "Copy the Authorization header whole, from the signing step's response.",
		FixInCode:     "Write the HMAC in lower-case hexadecimal, 64 digits, not in base64.",
		Details: []Detail{
			{"base64", "it is in base64"},
			{"upper-case", "it is in capitals"},
			{"length", "it does not have 64 digits"},
			{"digit", "it differs in one digit"},
		},
	},
	{
		ID: "wrong-secret", Family: FamilySigner, Title: "The secret access key is not the one that AWS has for this access key " +
			"id.", Side: SideCredentials, Most: Proved,
		Means: "The request was put together correctly, but with another secret: one of another key, an old one, or one with " +
			"white space or characters lost when it was copied.",
		Decides: "The profile's secret gives the signature over AWS's own string to sign: then AWS has another one. " +
			"Or the secret with a copying mistake gives the signature that was sent.",
		FixInWorkflow: "Ask whoever runs the profile to set access key id and secret access key again, both from one new key.",
		FixInCode: "Make a new access key and copy both parts; read the secret without the line feed at the end of its " +
			"file, without quotes and not URL-encoded.",
		Details: []Detail{
			{"white-space", "white space at one end"},
			{"quoted", "quotes around it"},
			{"url-encoded", "encoded as in a URL"},
			{"truncated", "a character is missing"},
			{"other", "another secret"},
		},
	},
}
