package diagnosis

import (
	"slices"

	"countersign/internal/lazyregexp"
)

// neverSent is what a client-side error rules out.
const neverSent = "AWS never saw this request: it says nothing about key, secret or signature."

// refusingClients are the messages of HTTP clients that refuse to write a header, and the clients they come from. All
// texts of an entry must occur.
var refusingClients = []struct {
	name  string
	texts []string
}{
	{".NET", []string{"httpheaderparser"}},
	{".NET", []string{"system.net.http.headers.httpheaders.add"}},
	{".NET", []string{"authenticationheadervalue"}},
	{".NET", []string{"misused header name"}},
	{".NET", []string{"new-line characters are not allowed in header values"}},
	{".NET", []string{"new-line or nul characters are not allowed"}},
	{".NET", []string{"specified value has invalid http header characters"}},
	{".NET", []string{"header must be modified using the appropriate property"}},
	{"the browser", []string{"refused to set unsafe header"}},
	{"Python", []string{"invalidheader:"}},
	{"Python", []string{"invalid header value b"}},
	{"Node.js", []string{"err_invalid_char", "header content"}},
	{"Node.js", []string{"invalid character in header content"}},
	{"fetch", []string{"is an invalid header value"}},
	{"fetch", []string{"is not a legal http header value"}},
	{"fetch", []string{"failed to execute 'fetch'", "invalid value"}},
	{"fetch", []string{"failed to execute 'fetch'", "iso-8859-1"}},
	{"Go", []string{"invalid header field value for"}},
	{"Java", []string{"illegal character(s) in message header value"}},
	{"Java", []string{"invalid header value", "java.lang.illegalargumentexception"}},
	{"OkHttp", []string{"unexpected char 0x", " value"}},
	{"PHP", []string{"is not valid header value"}},
	{"PHP", []string{"header may not contain more than a single header"}},
	{"Ruby", []string{"header field value cannot include cr/lf"}},
	{"Java", []string{"restricted header name"}},
	{"Node.js", []string{"err_http_invalid_header_value"}},
	{"Python (httpx)", []string{"illegal header value b"}},
	{"Python (aiohttp)", []string{"detected in headers. potential header injection"}},
	{"Rust", []string{"failed to parse header value"}},
	{".NET", []string{"request headers must contain only ascii"}},
	{"Power Query", []string{"header is only supported when connecting anonymously"}},
	{"Google Apps Script", []string{"attribute provided with invalid value: header"}},
}

// refusesHeader matches the words of a program that does not send a header. They are the program's own: services have
// codes or sentences for their refusals.
var refusesHeader = nocase(`\b(?:invalid|illegal|unexpected|restricted|reserved|forbidden|unsafe|misused|` +
	`disallowed)\b[^.\n]{0,60}\bheaders?\b|` +
	`\bheaders?\b[^.\n]{0,80}\b(?:illegal|restricted|not allowed|not permitted|only supported|only contain|cannot be (?:set|added|modified)|` +
	`must be of type|must contain only|may not contain|invalid (?:value|character)|newline)|\bnewline\b[^.\n]{0,60}\bheaders?\b|` +
	`\binvalid value: ?header\b|invalidheadervalue`)

// clientRefused: the HTTP client did not send the header, and so did not send the request.
func clientRefused(c *collector) bool {
	name := ""
	if c.says("client-refused-header") {
		name = ".NET"
	}
	for i := range refusingClients {
		if r := &refusingClients[i]; name == "" && c.mentionsAll(r.texts) {
			name = r.name
		}
	}
	certainty := Stated
	if name == "" && c.status == 0 && len(c.refusal.Says) == 0 && refusesHeader().MatchString(c.text) {
		name, certainty = "the program that sends", Likely
	}
	if name == "" {
		return false
	}
	c.ruleOut(neverSent)
	f := finding{
		cause: "client-refused-header", certainty: certainty, place: "header:authorization",
		reason: "The exception comes from the HTTP client of " + name + ".",
	}
	switch {
	case c.mentions("header must be modified using", "unsafe header"):
		f.place, f.reason = "header", f.reason+" It sets some headers itself, such as Host, and does not let programs set them."
		f.code = "Do not set Host: the client takes it from the URL. Leave the other headers of this kind out of SignedHeaders."
	case c.mentions("misused header name"):
		f.place, f.reason = "header", f.reason+" A header of the body, such as Content-Type, was set on the request."
		f.code = "Set Content-Type and its like on request.Content.Headers, with the value that was signed."
	case name != ".NET" || c.mentions("new-line", "invalid http header characters"):
		f.reason += " A header's value contains a line feed or another character that headers cannot have, usually from a key that was " +
			"read with its line ending."
		f.code = "Trim access key id, secret and token when they are read, and write each header's value in one line."
	}
	if c.mentions("invoke-restmethod", "invoke-webrequest") {
		f.code = "Add -SkipHeaderValidation to the command, which PowerShell has since version 6."
	}
	c.add(f)
	return true
}

func (c *collector) mentionsAll(texts []string) bool {
	for _, t := range texts {
		if !c.mentions(t) {
			return false
		}
	}
	return true
}

// registryToken: an ECR login is a token and has no signature.
func registryToken(c *collector) bool {
	if !c.mentions("your authorization token has expired") {
		return false
	}
	c.add(finding{
		cause: "expired-token", certainty: Stated, place: "token",
		reason: "The registry (ECR) says that its own token has expired. It is valid for twelve hours, and has no signature.",
		fix:    "Get a new token for the registry before each run.",
		code:   "Log in again: aws ecr get-login-password | docker login --username AWS --password-stdin <registry>",
	})
	return true
}

// clientSession: the client could not renew its own session before it signed.
func clientSession(c *collector) bool {
	if !c.mentions(
		"token has expired and refresh failed", "refresh cached sso token failed", "the sso session associated with this profile has expired",
		"the sso session has expired", "error loading sso token", "sso session token associated with this profile", "sso token",
	) {
		return false
	}
	c.ruleOut(neverSent)
	c.add(finding{
		cause: "expired-token", certainty: Stated, place: "token",
		reason: "The client's own error: its IAM Identity Center (SSO) sign-in has expired, so nothing was signed.",
		fix:    "Let this service sign: it renews its sessions itself.",
		code:   "Sign in again: aws sso login --profile …",
	})
	return true
}

// findsNoCredentials matches the words of a client that has no keys to sign with.
var findsNoCredentials = nocase(`\b(?:no|not find|not found|missing|unable to (?:locate|load|find|get|retrieve|fetch)|` +
	`could not (?:load|find|locate|retrieve|get)|failed to (?:load|get|retrieve|fetch|find)|not (?:been )?(?:set|configured|provided))\b` +
	`[^.\n]{0,40}\b(?:aws )?credentials?\b|\bcredentials?\b[^.\n]{0,40}\b(?:not (?:be )?(?:set|found|configured|provided|loaded|` +
	`available|located)|` +
	`(?:is|are) (?:missing|undefined|null|empty))\b`)

// noCredentials: the SDK found no keys to sign with.
func noCredentials(c *collector) bool {
	own := c.mentions("credentialretrievalerror", "error when retrieving credentials", "failed to refresh cached credentials")
	if !own && (len(c.refusal.Codes) > 0 || !(c.status == 0 && len(c.refusal.Says) == 0 && findsNoCredentials().MatchString(c.text) &&
		!c.mentions("invalid")) &&
		!c.mentions(
			"unable to locate credentials", "could not load credentials", "missing credentials in config", "unable to load aws credentials",
			"no ec2 imds role found", "unable to load credentials", "failed to retrieve credentials", "unable to get iam security credentials",
			"the config profile (", "nocredentialproviders", "no valid credential sources", "credentialsprovidererror", "partialcredentialserror",
			"partial credentials found", "no valid providers in chain",
			"without credentials set", "credentials should not be empty", "no credentials have been configured", "no basic auth credentials",
			"instance profile metadata", "missingcredentialserror", "credentials must be provided", "no credentials found",
			"no aws credentials", "aws credentials not found", "resolved credential object is not valid", "credential is missing",
			"unable to find credentials", "no credentials in the property bag", "credentials were not found", "could not find credentials",
			"must specify an access key", "accesskeyid is missing", "failed to load credentials", "error retrieving credentials",
		)) {
		return false
	}
	c.ruleOut(neverSent)
	c.add(finding{
		cause: "no-signature", certainty: Stated, place: "credentials", side: SideCredentials,
		reason: "The client's own error: it found no credentials, so nothing was signed or sent.",
		fix:    "Let this service sign: it has the credentials of its profile.",
		code:   "Give the client credentials: environment, profile, role of the machine; and check that the process sees them.",
	})
	return true
}

var connectionErrors = []string{
	"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "getaddrinfo",
	"could not resolve host",
	"connection refused", "name or service not known", "could not connect to the endpoint", "no such host", "dial tcp", "i/o timeout",
	"connection timed out", "connect timeout", "certificate verify failed", "x509:", "self-signed certificate", "self signed certificate",
	"the remote name could not be resolved", "nameresolutionfailure", "unknownhostexception", "no route to host", "ssl connect error",
	"failed to connect", "connection reset by peer", "sockettimeoutexception", "unable to connect to the remote server",
	"ssl certificate problem", "certificate has expired", "unable to verify the first certificate", "handshake_failure", "tls handshake",
	"did not respond within the timeout", "ssl: wrong_version_number", "socket hang up", "did not properly respond after a period of time",
	"the request timed out", "the operation has timed out", "the operation timed out", "read timeout on endpoint", "readtimeout",
	"the ssl connection could not be established", "could not establish trust relationship", "remote certificate is invalid",
	"temporary failure in name resolution", "nodename nor servname", "network is unreachable", "net::err_", "und_err_",
	"err_tls_cert_altname_invalid", "unable to get local issuer certificate", "unable_to_get_issuer_cert", "depth_zero_self_signed_cert",
	"hostname could not be found", "nsurlerrordomain", "ssl_error_syscall", "httpclient.timeout", "curl: (6)", "curl: (7)", "curl: (28)",
	"curl: (35)", "curl: (52)", "curl: (56)", "curl: (60)", "client.timeout exceeded", "context deadline exceeded",
	"pkix path building failed", "unable to find valid certification path", "certificate signed by unknown authority",
	"remotedisconnected", "connection aborted", "the underlying connection was closed", "the connection was closed unexpectedly",
}

// systemError matches the error codes of an operating system and its resolver that programs show for a connection,
// such as ECONNABORTED. Other codes also begin with an E.
var systemError = lazyregexp.New(`^E(?:(?:CONN|HOST|NET|ADDR|SOCKET|PROTO|AI_)[A-Z_]*|PIPE|NOTCONN|NOTFOUND|TIMEDOUT|TIMEOUT|` +
	`SERVFAIL|NODATA|REFUSED|ACCES|PERM|CANCELED|MFILE|INVAL|AGAIN|ALREADY)$`)

// failsToConnect matches the words for a connection that was not established.
var failsToConnect = nocase(`\b(?:could not|cannot|can't|can not|failed to|unable to|failure to) (?:\w+ ){0,3}(?:connect|resolve|` +
	`reach)\b|` +
	`\b(?:connection|connect|socket|handshake|tls|ssl)\b[^.\n]{0,40}\b(?:refused|reset|closed|timed? ?out|aborted|failed|failure|` +
	`actively refused)\b|` +
	`\b(?:read|write|connect|getaddrinfo) (?-i:E[A-Z_]{4,12})\b|\bactively refused\b|\berror trying to connect\b|\bpeer certificate\b|` +
	`\bunsuccessful tunnel\b|\bno (?:such )?(?:host|` +
	`address)\b[^.\n]{0,30}\b(?:known|found|associated)\b|\bhost ?(?:name)? (?:was )?not found\b|` +
	`\b(?:create|establish)\b[^.\n]{0,20}\b(?:ssl|tls|secure channel)\b`)

// workflowCodes are the error codes of workflow engines, which say nothing about AWS.
var workflowCodes = []string{
	"BadRequest", "ActionFailed", "BadGateway", "GatewayTimeout", "ActionResponseTimedOut",
	"NetworkError", "TypeError",
}

func notReached(c *collector) bool {
	if len(c.refusal.Says) > 0 || c.status != 0 && c.status < 500 {
		return false
	}
	system := false
	for _, code := range c.refusal.Codes {
		switch {
		case systemError().MatchString(code.Text()):
			system = true
		case !slices.Contains(workflowCodes, code.Text()):
			return false
		}
	}
	if c.mentions("blocked by cors policy", "cors preflight") {
		return blockedByBrowser(c)
	}
	if !system && !c.mentions(connectionErrors...) && !failsToConnect().MatchString(c.text) {
		return false
	}
	c.ruleOut(notSeen)
	c.add(finding{
		cause: "not-reached", certainty: Stated, place: "host",
		reason: "The error is the client's own, of its connection" + atHost(orThe(c.host(), hostIn(c.text))) + ".",
	})
	return true
}

// blockedByBrowser: the browser sends a preflight request without a signature, and the API does not allow the page.
func blockedByBrowser(c *collector) bool {
	c.ruleOut(notSeen)
	c.add(finding{
		cause: "not-reached", certainty: Likely, place: "host", side: SideClient,
		reason: "The browser refused: it first sends an unsigned OPTIONS request (CORS), and the response does not allow this page.",
		fix:    "Call AWS from the workflow or a server, not from a page in a browser.",
		code: "Call from a server; or allow the page's origin and the headers authorization, x-amz-date and x-amz-security-token in the " +
			"CORS settings of the API or bucket, with OPTIONS open to all.",
	})
	return true
}

var (
	hostOfAWS = lazyregexp.New(`(?i)\b(?:[a-z0-9][a-z0-9-]*\.)+(?:amazonaws\.com(?:\.cn)?|api\.aws|on\.aws|cloudfront\.net)\b`)
	hostOfURL = lazyregexp.New(`(?i)https?://([a-z0-9][a-z0-9.-]*\.[a-z]{2,})`)
	hostNamed = lazyregexp.New(`(?i)\b(?:host(?:name)?|lookup|getaddrinfo \w+|resolve|tcp|` +
		`to)[: '"]+((?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,})\b`)
)

// hostIn returns the host that an error names, preferably one of AWS's.
func hostIn(text string) string {
	if host := hostOfAWS().FindString(text); host != "" {
		return host
	}
	for _, p := range []lazyregexp.Expression{hostOfURL, hostNamed} {
		if m := p().FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

// atHost returns " at" and the host, or "" if there is none.
func atHost(host string) string {
	if host == "" {
		return ""
	}
	return " to " + host
}
