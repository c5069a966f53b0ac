package diagnosis_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// fault is a case: a request, what goes wrong while it is signed or afterwards, and the names of the cause, each as
// cause or cause/detail.
type fault struct {
	name string
	from func() sdkCall
	sign sdkSigner
	send func(q *call) // what happens to it after signing
	want string        // accepted names, separated by spaces, the true one first
	held string        // the profile's secret, if it is not the one that AWS has
	hard bool          // it cannot be identified: an open verdict is right
}

var (
	atGateway  = place{"execute-api", "eu-west-1", gatewayResponse}
	atS3       = place{"s3", "eu-central-1", s3Response}
	atQueue    = place{"sqs", "us-east-2", queryResponse}
	atTable    = place{"dynamodb", "eu-west-3", coralResponse}
	atModel    = place{"bedrock", "us-west-2", gatewayResponse}
	atSearch   = place{"es", "eu-north-1", gatewayResponse}
	atFunction = place{"lambda", "eu-west-1", gatewayResponse}
	atThings   = place{"iotdata", "eu-central-1", gatewayResponse}
	atTopics   = place{"sns", "ap-southeast-2", queryResponse}
)

func orderCall() sdkCall {
	return newCall(atGateway, "POST", "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "/prod/orders?expand=lines&limit=20",
		"Content-Type: application/json\nAccept: application/json\nX-Shop: Köln,  Altstadt",
		`{"customer": "Müller & Söhne", "total": 1250.00, "paid": null, "lines": [{"sku": "A-1/b", "qty": 2}]}`)
}

func orderList() sdkCall {
	return newCall(atGateway, "GET", "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
		"/prod/orders/open?since=2026-11-01T00%3A00%3A00Z&tag=a%2Bb&tag=c&empty=&q=blue%20shirt",
		"Accept: application/json\nContent-Type: application/json", "")
}

func report() sdkCall {
	return newCall(atS3, "PUT", "s3.eu-central-1.amazonaws.com", "/reports/2026/Q4%20summary%20%28final%29.csv",
		"Content-Type: text/csv\nx-amz-meta-author: Ana  Lima\nx-amz-acl: private", "sku;qty\r\nA-1;2\r\nB-2;30\r\n")
}

func listing() sdkCall {
	return newCall(atS3, "GET", "reports.s3.eu-central-1.amazonaws.com",
		"/?list-type=2&prefix=2026%2F&delimiter=%2F&start-after=a%2Bb", "", "")
}

func deepKey() sdkCall {
	return newCall(atS3, "GET", "reports.s3.eu-central-1.amazonaws.com", "/2026//raw/./data.bin", "", "")
}

func queueMessage() sdkCall {
	return newCall(atQueue, "POST", "sqs.us-east-2.amazonaws.com", "/123456789012/orders",
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8", "Action=SendMessage&MessageBody=2%20x%20A-1%2Fb~c&Version=2012-11-05")
}

func tableItem() sdkCall {
	return newCall(atTable, "POST", "dynamodb.eu-west-3.amazonaws.com", "/",
		"Content-Type: application/x-amz-json-1.0\nX-Amz-Target: DynamoDB_20120810.GetItem", `{"TableName":"orders","Key":{"id":{"S":"4711"}}}`)
}

func modelCall() sdkCall {
	return newCall(atModel, "POST", "bedrock-runtime.us-west-2.amazonaws.com", "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/invoke",
		"Content-Type: application/json",
		`{"anthropic_version":"bedrock-2023-05-31","max_tokens":200,"messages":[{"role":"user","content":"Grüezi <b>"}]}`)
}

func search() sdkCall {
	return newCall(atSearch, "GET", "search-logs-xyz.eu-north-1.es.amazonaws.com",
		"/logs-2026.11/_search?size=10&q=status%3A500&Zone=eu", "", "")
}

func functionURL() sdkCall {
	return newCall(atFunction, "POST", "abcdefghijklmnopqrstuvwxyz.lambda-url.eu-west-1.on.aws", "/hook",
		"Content-Type: text/plain", "Line one\nLine two\n")
}

func thing() sdkCall {
	return newCall(atThings, "POST", "a1b2c3-ats.iot.eu-central-1.amazonaws.com", "/topics/line%2F4%40north?qos=1",
		"Content-Type: application/octet-stream", "on")
}

func topic() sdkCall {
	return newCall(atTopics, "GET", "sns.ap-southeast-2.amazonaws.com",
		"/?Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aap-southeast-2%3A123456789012%3Aorders&Message=Sold%20out%21&Version=2010-03-31", "", "")
}

func download() sdkCall {
	return newCall(atS3, "GET", "reports.s3.eu-central-1.amazonaws.com", "/2026/Q4.csv?X-Amz-Expires=900", "", "")
}

func upload() sdkCall {
	return newCall(atS3, "PUT", "reports.s3.eu-central-1.amazonaws.com", "/2026/Q4.csv?X-Amz-Expires=900", "Content-Type: text/csv", "a;b\n")
}

func replaceBody(pairs ...string) func(*call) {
	return func(q *call) { q.body = []byte(strings.NewReplacer(pairs...).Replace(string(q.body))) }
}

func mapBody(f func(b []byte) []byte) func(*call) { return func(q *call) { q.body = f(q.body) } }

func setHeader(name, value string) func(*call) { return func(q *call) { q.set(name, value) } }

func dropHeader(name string) func(*call) { return func(q *call) { q.drop(name) } }

func setBody(body string) func(*call) { return func(q *call) { q.body = []byte(body) } }

func appendBody(end string) func(*call) { return func(q *call) { q.body = append(q.body, end...) } }

func setHost(host string) func(*call) { return func(q *call) { q.host = host } }

func setPath(path string) func(*call) { return func(q *call) { q.path = path } }

func replacePath(old, new string) func(*call) {
	return func(q *call) { q.path = strings.ReplaceAll(q.path, old, new) }
}

func replaceQuery(old, new string) func(*call) {
	return func(q *call) { q.query = strings.ReplaceAll(q.query, old, new) }
}

func addParameter(parameter string) func(*call) { return func(q *call) { q.query += parameter } }

func dropQuery(q *call) { q.query = "" }

var inURL = sdkSigner{presigned: true}

func hashOfText(text string) func([]byte) string {
	return func([]byte) string { return hexSHA([]byte(text)) }
}

// replaceInString replaces a text that occurs once in the string to sign.
func replaceInString(old, new string) func(toSign, canonical string) string {
	return func(toSign, _ string) string { return strings.Replace(toSign, old, new, 1) }
}

// The parts of a scope that keyWith replaces.
const (
	ofDay = iota
	ofRegion
	ofService
)

// keyWith derives the key with another value for one part of the scope.
func keyWith(part int, value string) func(string, []string) []byte {
	return func(secret string, scope []string) []byte {
		other := slices.Clone(scope)
		other[part] = value
		return hmacs("AWS4"+secret, other...)
	}
}

func unquoted(s string) string { s, _ = url.PathUnescape(s); return s }

func replaceText(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func utf16of(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// minified replaces the spacing and numbers of the order's body with JavaScript's.
var minified = []string{`": `, `":`, `, "`, `,"`, "1250.00", "1250"}

// afterSigning are changes in transit; the request is shown as signed.
var afterSigning = []fault{
	{
		name: "charset behind JSON", from: orderCall, want: "changed-header/charset-appended",
		send: setHeader("Content-Type", "application/json; charset=utf-8"),
	},
	{
		name: "charset of fetch", from: functionURL, want: "changed-header/charset-appended",
		send: setHeader("Content-Type", "text/plain;charset=UTF-8"),
	},
	{name: "charset lost", from: queueMessage, send: setHeader("Content-Type", "application/x-www-form-urlencoded"), want: "changed-header"},
	{
		name: "curl's form type", from: orderCall, want: "changed-header/value",
		send: setHeader("Content-Type", "application/x-www-form-urlencoded"),
	},
	{name: "curl's accept", from: orderCall, send: setHeader("Accept", "*/*"), want: "changed-header/value"},
	{name: "axios' accept", from: orderCall, send: setHeader("Accept", "application/json, text/plain, */*"), want: "changed-header"},
	{name: "Latin-1 in a header", from: orderCall, send: setHeader("X-Shop", "K\xf6ln,  Altstadt"), want: "changed-header/value"},
	{name: "header folded into a list", from: orderCall, send: setHeader("X-Shop", "Köln,Altstadt"), want: "changed-header/value"},
	{
		name: "header twice", from: orderCall, want: "changed-header/repeated",
		send: func(q *call) { q.headers = append(q.headers, [2]string{"Accept", "*/*"}) },
	},
	{name: "target dropped", from: tableItem, send: dropHeader("X-Amz-Target"), want: "dropped-header"},
	{name: "type dropped from GET", from: orderList, send: dropHeader("Content-Type"), want: "dropped-header"},
	{name: "private header dropped by a proxy", from: orderCall, send: dropHeader("X-Shop"), want: "dropped-header"},
	{name: "acl emptied", from: report, send: setHeader("x-amz-acl", ""), want: "dropped-header changed-header"},
	{name: "metadata rewritten", from: report, send: setHeader("x-amz-meta-author", "ana lima"), want: "changed-header/value"},
	{name: "custom domain", from: orderCall, send: setHost("api.example.com"), want: "changed-host/name"},
	{name: "port in Host", from: search, send: func(q *call) { q.host += ":443" }, want: "changed-host/port"},
	{name: "root dot in Host", from: orderCall, send: func(q *call) { q.host += "." }, want: "changed-host/name"},
	{name: "forwarded to localhost", from: listing, send: setHost("localhost:9000"), want: "changed-host"},
	{
		name: "303 makes GET of POST", from: orderCall, want: "changed-method changed-body",
		send: func(q *call) { q.method, q.body = "GET", nil },
	},
	{name: "PATCH as POST", from: orderCall, send: func(q *call) { q.method = "PATCH" }, want: "changed-method"},
	{name: "HEAD for GET", from: listing, send: func(q *call) { q.method = "HEAD" }, want: "changed-method"},
	{name: "base path mapping", from: orderCall, send: replacePath("/prod/", "/v1/prod/"), want: "changed-path"},
	{name: "gateway strips the stage", from: orderCall, send: replacePath("/prod/", "/"), want: "changed-path/prefix-removed"},
	{name: "proxy puts a prefix", from: modelCall, send: func(q *call) { q.path = "/aws" + q.path }, want: "changed-path/prefix-added"},
	{name: "slash at the end", from: orderList, send: func(q *call) { q.path += "/" }, want: "changed-path/trailing-slash"},
	{name: "small letters", from: orderCall, send: replacePath("/prod/orders", "/Prod/Orders"), want: "changed-path"},
	{name: "dots removed from a key", from: deepKey, send: replacePath("/./", "/"), want: "changed-path/normalised"},
	{name: "slashes merged in a key", from: deepKey, send: replacePath("//", "/"), want: "changed-path/normalised"},
	{name: "encoded slash decoded", from: thing, send: replacePath("%2F", "/"), want: "changed-path/decoded"},
	{name: "encoded at sign decoded", from: thing, send: replacePath("%40", "@"), want: "changed-path/decoded"},
	{name: "colon decoded", from: modelCall, send: replacePath("%3A", ":"), want: "changed-path/decoded"},
	{name: "model id encoded again", from: modelCall, send: replacePath("%3A", "%253A"), want: "changed-path/encoded-again"},
	{name: "key encoded again", from: report, send: replacePath("%", "%25"), want: "changed-path/encoded-again"},
	{name: "blanks as plus signs in a key", from: report, send: replacePath("%20", "+"), want: "changed-path"},
	{name: "small hexadecimal", from: thing, send: replacePath("%2F", "%2f"), want: "changed-path/hex-case"},
	{name: "file name translated", from: report, send: replacePath("summary", "r%C3%A9sum%C3%A9"), want: "changed-path"},
	{name: "connector adds a parameter", from: orderList, send: addParameter("&api-version=2016-06-01"), want: "changed-query/added"},
	{name: "tracking parameter", from: search, send: addParameter("&utm_source=mail"), want: "changed-query/added"},
	{name: "empty parameter dropped", from: orderList, send: replaceQuery("&empty=", ""), want: "changed-query/removed"},
	{name: "one of two equal names", from: orderList, send: replaceQuery("&tag=c", ""), want: "changed-query/removed"},
	{name: "query lost in a redirect", from: orderList, send: dropQuery, want: "changed-query/removed"},
	{name: "page changed", from: orderCall, send: replaceQuery("limit=20", "limit=100"), want: "changed-query/value"},
	{name: "plus left plain", from: orderList, send: replaceQuery("%2B", "+"), want: "changed-query/plus"},
	{name: "values encoded again", from: listing, send: replaceQuery("%", "%25"), want: "changed-query/encoded-again"},
	{name: "names in small letters", from: search, send: replaceQuery("Zone", "zone"), want: "changed-query"},
	{
		name: "local time in a value", from: orderList, want: "changed-query/value",
		send: replaceQuery("00%3A00%3A00Z", "01%3A00%3A00%2B01%3A00"),
	},
	{name: "JSON minified", from: orderCall, send: replaceBody(minified...), want: "changed-body/json-reserialised"},
	{
		name: "JSON of Python", from: orderCall, want: "changed-body/json-reserialised",
		send: replaceBody("ü", `\u00fc`, "ö", `\u00f6`, "1250.00", "1250.0"),
	},
	{
		name: "JSON of Go", from: orderCall, send: replaceBody(append([]string{"&", `\u0026`}, minified...)...),
		want: "changed-body/json-reserialised",
	},
	{
		name: "JSON of PHP", from: orderCall, send: replaceBody(append([]string{"/", `\/`, "ü", `\u00fc`, "ö", `\u00f6`}, minified...)...),
		want: "changed-body/json-reserialised",
	},
	{
		name: "JSON of .NET", from: orderCall, want: "changed-body/json-reserialised",
		send: replaceBody(append([]string{"&", `\u0026`, "ü", `\u00FC`, "ö", `\u00F6`, "1250.00", "1250.00"}, minified[:4]...)...),
	},
	{
		name: "JSON indented", from: tableItem, want: "changed-body/json-reserialised",
		send: setBody("{\n  \"TableName\": \"orders\",\n  \"Key\": {\n    \"id\": {\n      \"S\": \"4711\"\n    }\n  }\n}"),
	},
	{
		name: "JSON indented by tabs, CR LF", from: tableItem, want: "changed-body",
		send: setBody("{\r\n\t\"TableName\": \"orders\",\r\n\t\"Key\": {\r\n\t\t\"id\": {\r\n\t\t\t\"S\": \"4711\"\r\n\t\t}\r\n\t}\r\n}"),
	},
	{
		name: "JSON sorted", from: tableItem, want: "changed-body/json-reserialised",
		send: setBody(`{"Key":{"id":{"S":"4711"}},"TableName":"orders"}`),
	},
	{
		name: "JSON sent as a string", from: tableItem, want: "changed-body/json-quoted",
		send: mapBody(func(b []byte) []byte { return []byte(quotedJSON(string(b))) }),
	},
	{name: "null left out", from: orderCall, send: replaceBody(`"paid": null, `, ""), want: "changed-body"},
	{name: "Python's str of a dict", from: tableItem, send: replaceBody(`"`, "'"), want: "changed-body"},
	{name: "line feed of echo", from: tableItem, send: appendBody("\n"), want: "changed-body/trailing-newline-added"},
	{name: "CR LF of PowerShell", from: tableItem, send: appendBody("\r\n"), want: "changed-body/trailing-newline-added"},
	{
		name: "last line feed lost", from: functionURL, want: "changed-body/trailing-newline-removed changed-body/trimmed",
		send: mapBody(bytes.TrimSpace),
	},
	{name: "git makes CR LF", from: functionURL, send: replaceBody("\n", "\r\n"), want: "changed-body/crlf"},
	{name: "git takes CR away", from: report, send: replaceBody("\r\n", "\n"), want: "changed-body/lf"},
	{name: "curl -d @file", from: report, send: replaceBody("\r\n", ""), want: "changed-body/lf"},
	{
		name: "byte order mark", from: report, want: "changed-body/bom-added",
		send: mapBody(func(b []byte) []byte { return append([]byte("\xEF\xBB\xBF"), b...) }),
	},
	{name: "workflow sends the envelope", from: report, send: mapBody(func(b []byte) []byte {
		return []byte(`{"$content-type":"text/csv","$content":"` + base64.StdEncoding.EncodeToString(b) + `"}`)
	}), want: "changed-body/envelope"},
	{
		name: "base64 sent", from: report, want: "changed-body/base64-sent",
		send: mapBody(func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) }),
	},
	{
		name: "base64 in a JSON string", from: thing, want: "changed-body",
		send: mapBody(func(b []byte) []byte { return []byte(quotedJSON(base64.StdEncoding.EncodeToString(b))) }),
	},
	{name: "form with plus signs", from: queueMessage, send: replaceBody("%20", "+"), want: "changed-body/form-reencoded"},
	{name: "form decoded", from: queueMessage, send: replaceBody("%20", " ", "%2F", "/"), want: "changed-body/form-reencoded"},
	{name: "form with the tilde encoded", from: queueMessage, send: replaceBody("~", "%7E"), want: "changed-body/form-reencoded"},
	{
		name: "form sent as JSON", from: queueMessage, want: "changed-body",
		send: setBody(`{"Action":"SendMessage","MessageBody":"2 x A-1/b~c","Version":"2012-11-05"}`),
	},
	{name: "Latin-1", from: orderCall, send: mapBody(latin1), want: "changed-body/charset"},
	{name: "UTF-16", from: modelCall, send: mapBody(func(b []byte) []byte { return utf16of(string(b)) }), want: "changed-body/charset"},
	{
		name: "UTF-16 with its mark", from: modelCall, want: "changed-body/charset",
		send: mapBody(func(b []byte) []byte { return append([]byte{0xFF, 0xFE}, utf16of(string(b))...) }),
	},
	{name: "question marks of ASCII", from: modelCall, send: replaceBody("ü", "?"), want: "changed-body/charset"},
	{name: "replacement characters", from: modelCall, send: replaceBody("ü", "\uFFFD"), want: "changed-body"},
	{name: "HTML entities", from: orderCall, send: replaceBody("&", "&amp;"), want: "changed-body"},
	{name: "body lost", from: queueMessage, send: mapBody(func([]byte) []byte { return nil }), want: "changed-body/emptied"},
	{name: "body undefined", from: tableItem, send: setBody("undefined"), want: "changed-body"},
	{name: "body [object Object]", from: tableItem, send: setBody("[object Object]"), want: "changed-body"},
	{
		name: "time stamp of sending", from: orderCall, want: "changed-body",
		send: replaceBody(`"paid": null`, `"paid": "2026-11-28T22:14:09Z"`),
	},
	{
		name: "minified, with a line feed", from: orderCall, want: "changed-body",
		send: func(q *call) { replaceBody(minified...)(q); q.body = append(q.body, '\n') },
	},
	{name: "minified, with a charset", from: orderCall, send: func(q *call) {
		replaceBody(minified...)(q)
		q.set("Content-Type", "application/json; charset=utf-8")
	}, want: "changed-header changed-body"},
	{name: "behind a custom domain, without stage", from: orderCall, send: func(q *call) {
		q.host, q.path = "api.example.com", strings.TrimPrefix(q.path, "/prod")
	}, want: "changed-path changed-host"},
	{name: "signed URL: name of a CDN", from: download, sign: inURL, send: setHost("cdn.example.com"), want: "changed-host/name"},
	{
		name: "signed URL: longer life", from: download, want: "changed-query/value",
		sign: inURL, send: replaceQuery("Expires=900", "Expires=9000"),
	},
	{
		name: "signed URL: name of the download", from: download, want: "changed-query/added",
		sign: inURL, send: addParameter("&response-content-disposition=attachment"),
	},
	{name: "signed URL: another object", from: download, sign: inURL, send: replacePath("Q4", "Q3"), want: "changed-path"},
	{
		name: "signed URL: PUT where GET was signed", from: download, want: "changed-method changed-body",
		sign: inURL, send: func(q *call) { q.method, q.body = "PUT", []byte("x") },
	},
	{
		name: "signed URL: type of the browser", from: upload, want: "changed-header/value",
		sign: inURL, send: setHeader("Content-Type", "application/vnd.ms-excel"),
	},
	{name: "signed URL: no type", from: upload, sign: inURL, send: dropHeader("Content-Type"), want: "dropped-header"},
	{name: "token of another session", from: orderCall, sign: sdkSigner{token: "IQoJb3JpZ2luX2VjEXAMPLETOKENONE"}, send: setHeader(
		"X-Amz-Security-Token", "IQoJb3JpZ2luX2VjEXAMPLETOKENTWO"), want: "changed-header/value"},
}

// bySDK are mistakes of signers; the request is shown as sent.
var bySDK = []fault{
	{name: "model id encoded once", from: modelCall, sign: sdkSigner{escape: true}, want: "signed-path/encoded-once"},
	{name: "topic encoded once", from: thing, sign: sdkSigner{escape: true}, want: "signed-path/encoded-once"},
	{name: "key encoded twice", from: report, sign: sdkSigner{escape: true}, want: "signed-path/encoded-twice"},
	{
		name: "key not encoded", from: report, want: "signed-path/not-encoded",
		sign: sdkSigner{give: func(c *call) { c.path = unquoted(c.path) }},
	},
	{name: "brackets left as JavaScript leaves them", from: report, sign: sdkSigner{give: func(c *call) {
		c.path = strings.NewReplacer("%28", "(", "%29", ")").Replace(c.path)
	}}, want: "signed-path/not-encoded"},
	{name: "path without its stage", from: orderCall, sign: sdkSigner{give: setPath("/orders")}, want: "signed-path/prefix-removed"},
	{name: "path a slash", from: orderCall, sign: sdkSigner{give: setPath("/")}, want: "signed-path/prefix-removed"},
	{
		name: "path with the query", from: orderCall, want: "signed-path/holds-query signed-query",
		sign: sdkSigner{canonical: replaceText("/prod/orders\nexpand=lines&limit=20", "/prod/orders?expand=lines&limit=20\n")},
	},
	{
		name: "whole URL as path", from: search, want: "signed-path",
		sign: sdkSigner{canonical: func(c string) string {
			const address = "https://search-logs-xyz.eu-north-1.es.amazonaws.com/logs-2026.11/_search?size=10&q=status%3A500&Zone=eu"
			return strings.Replace(c, "\n/logs-2026.11/_search\n", "\n"+address+"\n", 1)
		}},
	},
	{name: "dots normalised in a key", from: deepKey, sign: sdkSigner{give: setPath("/2026/raw/data.bin")}, want: "signed-path/normalised"},
	{name: "bucket in the path too", from: listing, sign: sdkSigner{give: setPath("/reports/")}, want: "signed-path/prefix-added"},
	{name: "query forgotten", from: orderList, sign: sdkSigner{give: dropQuery}, want: "signed-query/omitted"},
	{
		name: "query as sent", from: topic, sign: sdkSigner{canonical: replaceText(
			"Action=Publish&Message=Sold%20out%21&TopicArn=arn%3Aaws%3Asns%3Aap-southeast-2%3A123456789012%3Aorders&Version=2010-03-31",
			"Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aap-southeast-2%3A123456789012%3Aorders&Message=Sold%20out%21&Version=2010-03-31")},
		want: "signed-query/unsorted signed-query/not-encoded",
	},
	{name: "query sorted without regard to case", from: search, sign: sdkSigner{canonical: replaceText(
		"Zone=eu&q=status%3A500&size=10", "q=status%3A500&size=10&Zone=eu")}, want: "signed-query/unsorted"},
	{name: "query encoded twice", from: topic, sign: sdkSigner{give: replaceQuery("%", "%25")}, want: "signed-query/encoded-twice"},
	{name: "query decoded", from: listing, sign: sdkSigner{canonical: replaceText("%2F", "/", "%2B", "+")}, want: "signed-query/not-encoded"},
	{
		name: "exclamation mark of encodeURIComponent", from: topic, want: "signed-query/not-encoded",
		sign: sdkSigner{canonical: replaceText("%21", "!")},
	},
	{
		name: "blanks as plus signs", from: orderList, want: "signed-query/plus",
		sign: sdkSigner{canonical: replaceText("blue%20shirt", "blue+shirt")},
	},
	{name: "no equals sign", from: orderList, sign: sdkSigner{canonical: replaceText("empty=&", "empty&")}, want: "signed-query/no-equals"},
	{name: "empty parameter left out", from: orderList, sign: sdkSigner{canonical: replaceText("empty=&", "")}, want: "signed-query"},
	{name: "one value of two", from: orderList, sign: sdkSigner{canonical: replaceText("&tag=c", "")}, want: "signed-query"},
	{name: "question mark", from: search, sign: sdkSigner{canonical: replaceText("\nZone", "\n?Zone")}, want: "signed-query"},
	{
		name: "small hexadecimal in the query", from: listing, want: "signed-query",
		sign: sdkSigner{canonical: replaceText("%2F", "%2f", "%2B", "%2b")},
	},
	{
		name: "runs of blanks", from: report, want: "signed-headers/value-not-folded",
		sign: sdkSigner{canonical: replaceText("Ana Lima", "Ana  Lima")},
	},
	{
		name: "blank behind the colon", from: report, want: "signed-headers/value-not-trimmed",
		sign: sdkSigner{canonical: replaceText(
			"type:", "type: ", "host:", "host: ", "date:", "date: ", "sha256:", "sha256: ", "acl:", "acl: ", "author:", "author: ")},
	},
	{
		name: "names with capitals", from: search, want: "signed-headers/name-case",
		sign: sdkSigner{canonical: replaceText("\nhost:", "\nHost:", "\nx-amz-date:", "\nX-Amz-Date:")},
	},
	{name: "host last", from: tableItem, sign: sdkSigner{canonical: func(c string) string {
		c = strings.Replace(c, "host:dynamodb.eu-west-3.amazonaws.com\n", "", 1)
		return strings.Replace(c, "\n\ncontent-type;", "\nhost:dynamodb.eu-west-3.amazonaws.com\n\ncontent-type;", 1)
	}}, want: "signed-headers/order"},
	{
		name: "no line between headers and list", from: orderCall, want: "signed-headers/blank-line",
		sign: sdkSigner{canonical: replaceText("\n\naccept", "\naccept")},
	},
	{name: "lines of Windows", from: tableItem, sign: sdkSigner{canonical: replaceText("\n", "\r\n")}, want: "signed-headers/line-ends"},
	{
		name: "host with its port", from: search, want: "signed-headers/host",
		sign: sdkSigner{canonical: replaceText("amazonaws.com\n", "amazonaws.com:443\n")},
	},
	{
		name: "host of the service, not of the bucket", from: listing, want: "signed-headers/host changed-host",
		sign: sdkSigner{canonical: replaceText("host:reports.s3", "host:s3")},
	},
	{
		name: "host line missing", from: search, want: "signed-headers",
		sign: sdkSigner{canonical: replaceText("host:search-logs-xyz.eu-north-1.es.amazonaws.com\n", "")},
	},
	{
		name: "type line missing", from: tableItem, want: "signed-headers changed-header dropped-header",
		sign: sdkSigner{canonical: replaceText("content-type:application/x-amz-json-1.0\n", "")},
	},
	{
		name: "type of another version", from: tableItem, want: "changed-header signed-headers",
		sign: sdkSigner{canonical: replaceText("json-1.0", "json-1.1")},
	},
	{
		name: "list not signed", from: search, want: "signed-headers", hard: true,
		sign: sdkSigner{canonical: replaceText("\n\nhost;x-amz-date\n", "\n\n")},
	},
	{
		name: "list by commas", from: search, want: "signed-headers", hard: true,
		sign: sdkSigner{canonical: replaceText("host;x-amz-date", "host,x-amz-date")},
	},
	{name: "hash of nothing", from: orderCall, sign: sdkSigner{hash: hashOfText("")}, want: "signed-payload/empty"},
	{name: "hash of nothing, at a queue", from: queueMessage, sign: sdkSigner{hash: hashOfText("")}, want: "signed-payload/empty"},
	{
		name: "unsigned payload where it is not taken", from: orderCall, want: "signed-payload/unsigned",
		sign: sdkSigner{hash: func([]byte) string { return "UNSIGNED-PAYLOAD" }},
	},
	{
		name: "hash in capitals", from: tableItem, want: "signed-payload/upper-case",
		sign: sdkSigner{hash: func(b []byte) string { return strings.ToUpper(hexSHA(b)) }},
	},
	{name: "hash in base64", from: modelCall, sign: sdkSigner{hash: func(b []byte) string {
		raw, _ := hex.DecodeString(hexSHA(b))
		return base64.StdEncoding.EncodeToString(raw)
	}}, want: "signed-payload/base64"},
	{
		name: "hash of the hash", from: modelCall, want: "signed-payload/hash-of-hash",
		sign: sdkSigner{hash: func(b []byte) string { return hexSHA([]byte(hexSHA(b))) }},
	},
	{
		name: "body in place of its hash", from: thing, want: "signed-payload",
		sign: sdkSigner{hash: func(b []byte) string { return string(b) }},
	},
	{name: "no hash", from: tableItem, sign: sdkSigner{hash: func([]byte) string { return "" }}, want: "signed-payload/missing"},
	{name: "hash of undefined", from: tableItem, sign: sdkSigner{hash: hashOfText("undefined")}, want: "signed-payload"},
	{name: "hash of null", from: tableItem, sign: sdkSigner{hash: hashOfText("null")}, want: "signed-payload"},
	{name: "hash of {}", from: orderList, sign: sdkSigner{hash: hashOfText("{}")}, want: "signed-payload"},
	{name: "hash of an object", from: orderCall, sign: sdkSigner{hash: hashOfText("[object Object]")}, want: "signed-payload"},
	{
		name: "hash of pretty JSON", from: tableItem, want: "signed-payload/json-reserialised",
		sign: sdkSigner{hash: hashOfText("{\n    \"TableName\": \"orders\",\n    \"Key\": {\n" +
			"        \"id\": {\n            \"S\": \"4711\"\n        }\n    }\n}")},
	},
	{
		name: "hash of the text in UTF-16", from: modelCall, want: "signed-payload/charset",
		sign: sdkSigner{hash: func(b []byte) string { return hexSHA(utf16of(string(b))) }},
	},
	{
		name: "signed URL: hash of nothing", from: download, want: "signed-payload/empty",
		sign: sdkSigner{presigned: true, hash: hashOfText("")},
	},
	{name: "signed URL: hash of the file", from: upload, sign: sdkSigner{presigned: true, hash: hexSHA}, want: "signed-payload"},
	{name: "signed URL: key encoded twice", from: func() sdkCall {
		return newCall(atS3, "GET", "reports.s3.eu-central-1.amazonaws.com", "/2026/Q4%20summary.csv?X-Amz-Expires=900", "", "")
	}, sign: sdkSigner{presigned: true, escape: true}, want: "signed-path/encoded-twice"},
	{name: "second clock", from: orderCall, sign: sdkSigner{toSign: replaceInString("221407", "221408")}, want: "signed-time"},
	{name: "second clock, five seconds", from: search, sign: sdkSigner{toSign: replaceInString("221407", "221402")}, want: "signed-time"},
	{
		name: "local time in the string to sign", from: orderCall, want: "signed-time",
		sign: sdkSigner{toSign: replaceInString("T221407", "T231407")},
	},
	{
		name: "date of ISO in the string to sign", from: orderCall, want: "signed-string signed-time",
		sign: sdkSigner{toSign: replaceInString("20261128T221407Z", "2026-11-28T22:14:07Z")},
	},
	{
		name: "day alone in the string to sign", from: orderCall, want: "signed-string",
		sign: sdkSigner{toSign: replaceInString("20261128T221407Z", "20261128")},
	},
	{
		name: "canonical request not hashed", from: search, want: "signed-string",
		sign: sdkSigner{toSign: func(s, c string) string { return s[:len(s)-64] + c }},
	},
	{
		name: "its hash in capitals", from: search, want: "signed-string",
		sign: sdkSigner{toSign: func(s, _ string) string { return s[:len(s)-64] + strings.ToUpper(s[len(s)-64:]) }},
	},
	{name: "line feed behind it", from: search, sign: sdkSigner{toSign: func(s, _ string) string { return s + "\n" }}, want: "signed-string"},
	{
		name: "key id in the scope", from: search, want: "signed-string",
		sign: sdkSigner{toSign: replaceInString("\n20261128/", "\n"+sdkKey+"/20261128/")},
	},
	{
		name: "no algorithm", from: search, want: "signed-string",
		sign: sdkSigner{toSign: func(s, _ string) string { _, s, _ = strings.Cut(s, "\n"); return s }},
	},
	{
		name: "literal \\n", from: search, want: "signed-string",
		sign: sdkSigner{toSign: func(s, _ string) string { return strings.ReplaceAll(s, "\n", `\n`) }},
	},
	{
		name: "literal \\n in the canonical request", from: search, want: "signed-headers signed-string",
		sign: sdkSigner{canonical: replaceText("\n", `\n`)},
	},
	{
		name: "no AWS4", from: orderCall, want: "signed-key/prefix",
		sign: sdkSigner{key: func(k string, s []string) []byte { return hmacs(k, s...) }},
	},
	{name: "key of us-east-1", from: orderCall, sign: sdkSigner{key: keyWith(ofRegion, "us-east-1")}, want: "signed-key/region"},
	{name: "key of apigateway", from: orderCall, sign: sdkSigner{key: keyWith(ofService, "apigateway")}, want: "signed-key/service"},
	{name: "key of bedrock-runtime", from: modelCall, sign: sdkSigner{key: keyWith(ofService, "bedrock-runtime")}, want: "signed-key/service"},
	{name: "key of yesterday", from: orderCall, sign: sdkSigner{key: keyWith(ofDay, "20261127")}, want: "signed-key/date"},
	{name: "key of a week ago, kept", from: orderCall, sign: sdkSigner{key: keyWith(ofDay, "20261121")}, want: "signed-key/date"},
	{
		name: "key without its last step", from: orderCall, want: "signed-key",
		sign: sdkSigner{key: func(k string, s []string) []byte { return hmacs("AWS4"+k, s[:3]...) }},
	},
	{name: "steps in hexadecimal", from: orderCall, sign: sdkSigner{key: func(k string, s []string) []byte {
		key := "AWS4" + k
		for _, part := range s {
			key = hex.EncodeToString(hmacs(key, part))
		}
		return []byte(key)
	}}, want: "signed-key"},
	{name: "secret decoded from base64", from: orderCall, sign: sdkSigner{key: func(k string, s []string) []byte {
		raw, _ := base64.StdEncoding.DecodeString(k)
		return hmacs("AWS4"+string(raw), s...)
	}}, want: "signed-key wrong-secret"},
	{name: "signature in base64", from: orderCall, sign: sdkSigner{write: base64.StdEncoding.EncodeToString}, want: "signature-form/base64"},
	{
		name: "signature in capitals", from: orderCall, want: "signature-form/upper-case",
		sign: sdkSigner{write: func(m []byte) string { return strings.ToUpper(hex.EncodeToString(m)) }},
	},
	{name: "signature without leading zeros", from: orderCall, sign: sdkSigner{write: func(m []byte) string {
		var b strings.Builder // as printf("%x") of each byte writes it
		for _, c := range m {
			b.WriteString(strings.TrimPrefix(hex.EncodeToString([]byte{c}), "0"))
		}
		return b.String()
	}}, want: "signature-form/length signature-form"},
	{
		name: "signature cut", from: orderCall, want: "signature-form/length",
		sign: sdkSigner{write: func(m []byte) string { return hex.EncodeToString(m)[:60] }},
	},
	{name: "signature with one digit mistyped", from: orderCall, sign: sdkSigner{write: func(m []byte) string {
		t := []byte(hex.EncodeToString(m))
		t[40] = "123456789abcdef0"[strings.IndexByte("0123456789abcdef", t[40])]
		return string(t)
	}}, want: "signature-form/digit"},
	{name: "secret with a line feed", from: orderCall, sign: sdkSigner{secret: sdkSecret + "\n"}, want: "wrong-secret/white-space"},
	{name: "secret with a blank before it", from: report, sign: sdkSigner{secret: " " + sdkSecret}, want: "wrong-secret/white-space"},
	{name: "secret in quotes", from: tableItem, sign: sdkSigner{secret: `"` + sdkSecret + `"`}, want: "wrong-secret/quoted"},
	{name: "secret of a URL", from: search, sign: sdkSigner{secret: url.QueryEscape(sdkSecret)}, want: "wrong-secret/url-encoded"},
	{name: "plus sign lost", from: search, sign: sdkSigner{secret: strings.ReplaceAll(sdkSecret, "+", " ")}, want: "wrong-secret"},
	{
		name: "secret without its last letter", from: topic, want: "wrong-secret/truncated",
		sign: sdkSigner{secret: sdkSecret[:len(sdkSecret)-1]},
	},
	{name: "secret without its first letter", from: topic, sign: sdkSigner{secret: sdkSecret[1:]}, want: "wrong-secret/truncated"},
	{name: "secret twice", from: topic, sign: sdkSigner{secret: sdkSecret + sdkSecret}, want: "wrong-secret", hard: true},
	{
		name: "secret of another key", from: orderCall, want: "unclear wrong-secret", hard: true,
		sign: sdkSigner{secret: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"},
	},
	{
		name: "profile has another secret than AWS", from: orderCall, held: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
		sign: sdkSigner{secret: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"}, want: "wrong-secret",
	},
	{
		name: "profile has the secret with a blank", from: listing, held: sdkSecret + " ", want: "wrong-secret/white-space",
		sign: sdkSigner{secret: sdkSecret + " "},
	},
	{
		name: "query and hash forgotten", from: orderCall, want: "signed-query signed-payload",
		sign: sdkSigner{give: dropQuery, hash: hashOfText("")},
	},
	{
		name: "encoded once, and hash of nothing", from: modelCall, want: "signed-path signed-payload",
		sign: sdkSigner{escape: true, hash: hashOfText("")},
	},
	{
		name: "capitals, and no query", from: search, want: "signature-form signed-query",
		sign: sdkSigner{give: dropQuery, write: func(m []byte) string { return strings.ToUpper(hex.EncodeToString(m)) }},
	},
	{
		name: "date taken again for the header", from: orderCall, want: "signed-time changed-header",
		send: setHeader("X-Amz-Date", sdkTime.Add(time.Second).Format("20060102T150405Z")),
	},
}
