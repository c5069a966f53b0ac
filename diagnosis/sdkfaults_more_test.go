package diagnosis_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// faults returns all faults, those in transit first, and the number of those.
func faults() (all []fault, onTheWay int) {
	return slices.Concat(afterSigning, afterSigningMore, bySDK, bySDKMore), len(afterSigning) + len(afterSigningMore)
}

// afterSigningMore are rarer changes in transit.
var afterSigningMore = []fault{
	{name: "lone carriage returns", from: functionURL, send: replaceBody("\n", "\r"), want: "changed-body"},
	{
		name: "JSON of Jackson, indented", from: tableItem, want: "changed-body/json-reserialised",
		send: setBody("{\n  \"TableName\" : \"orders\",\n  \"Key\" : {\n    \"id\" : {\n      \"S\" : \"4711\"\n    }\n  }\n}"),
	},
	{name: "cut at its length in characters", from: orderCall, send: mapBody(func(b []byte) []byte {
		return b[:len([]rune(string(b)))]
	}), want: "changed-body"},
	{name: "typographic quotes", from: tableItem, send: replaceBody(`"`, "”"), want: "changed-body"},
	{name: "no-break spaces", from: orderCall, send: replaceBody(" ", "\u00a0"), want: "changed-body"},
	{name: "decomposed letters", from: orderCall, send: replaceBody("ü", "u\u0308", "ö", "o\u0308"), want: "changed-body"},
	{name: "NUL behind it", from: tableItem, send: appendBody("\x00"), want: "changed-body"},
	{name: "hexadecimal", from: thing, send: mapBody(func(b []byte) []byte { return []byte(hex.EncodeToString(b)) }), want: "changed-body"},
	{name: "in a field of an object", from: tableItem, send: mapBody(func(b []byte) []byte {
		return []byte(`{"body":` + string(b) + `}`)
	}), want: "changed-body"},
	{name: "form encoded again", from: queueMessage, send: replaceBody("%", "%25"), want: "changed-body/form-reencoded"},
	{name: "form with a slash decoded", from: queueMessage, send: replaceBody("%2F", "/"), want: "changed-body/form-reencoded"},
	{name: "charset in quotes", from: orderCall, send: setHeader("Content-Type", `application/json; charset="utf-8"`), want: "changed-header"},
	{
		name: "accept with more behind it", from: orderCall, want: "changed-header/value",
		send: setHeader("Accept", "application/json, */*"),
	},
	{name: "dual-stack name", from: listing, send: setHost("reports.s3.dualstack.eu-central-1.amazonaws.com"), want: "changed-host/name"},
	{name: "stage twice", from: orderCall, send: replacePath("/prod/", "/prod/prod/"), want: "changed-path"},
	{name: "slash doubled in a key", from: report, send: replacePath("/reports/", "/reports//"), want: "changed-path"},
	{name: "cache buster", from: orderList, send: addParameter("&_=1796000000123"), want: "changed-query/added"},
	{name: "lists with brackets", from: orderList, send: replaceQuery("tag=", "tag[]="), want: "changed-query"},
	{name: "equal names merged", from: orderList, send: replaceQuery("tag=a%2Bb&tag=c", "tag=a%2Bb,c"), want: "changed-query"},
	{name: "ampersands of HTML", from: orderList, send: replaceQuery("&", "&amp;"), want: "changed-query"},
	{name: "method in small letters", from: orderCall, send: func(q *call) { q.method = "post" }, want: "changed-method"},
}

// linesOf changes the lines of a canonical request.
func linesOf(change func(lines []string) []string) func(string) string {
	return func(c string) string { return strings.Join(change(strings.Split(c, "\n")), "\n") }
}

func queryWritten(query string) func(string) string {
	return linesOf(func(lines []string) []string { lines[2] = query; return lines })
}

func payloadWritten(payload string) func(string) string {
	return linesOf(func(lines []string) []string { lines[len(lines)-1] = payload; return lines })
}

func sha1Hex(body []byte) string {
	sum := sha1.Sum(body)
	return hex.EncodeToString(sum[:])
}

// bySDKMore are rarer mistakes of signers.
var bySDKMore = []fault{
	{name: "address as path", from: search, want: "signed-path", sign: sdkSigner{canonical: linesOf(func(lines []string) []string {
		lines[1] = "https://search-logs-xyz.eu-north-1.es.amazonaws.com" + lines[1]
		return lines
	})}},
	{name: "slashes encoded", from: report, want: "signed-path", sign: sdkSigner{canonical: linesOf(func(lines []string) []string {
		lines[1] = "/" + strings.ReplaceAll(lines[1][1:], "/", "%2F")
		return lines
	})}},
	{name: "parentheses left alone in a key", from: report, want: "signed-path/not-encoded", sign: sdkSigner{
		canonical: replaceText("%28", "(", "%29", ")"),
	}},
	{name: "at sign left alone", from: thing, want: "signed-path/not-encoded", sign: sdkSigner{canonical: replaceText("%2540", "%40")}},
	{
		name: "equal names as they were sent", from: func() sdkCall {
			q := orderList()
			q.query = "tag=z&tag=a&q=1"
			return q
		}, want: "signed-query/unsorted", sign: sdkSigner{canonical: queryWritten("q=1&tag=z&tag=a")},
	},
	{name: "sorted backward", from: search, want: "signed-query/unsorted", sign: sdkSigner{canonical: linesOf(func(lines []string) []string {
		pieces := strings.Split(lines[2], "&")
		slices.Reverse(pieces)
		lines[2] = strings.Join(pieces, "&")
		return lines
	})}},
	{
		name: "colon left alone in the query", from: search, want: "signed-query/not-encoded",
		sign: sdkSigner{canonical: replaceText("%3A", ":")},
	},
	{name: "ampersand at the end", from: search, want: "signed-query", sign: sdkSigner{canonical: linesOf(func(lines []string) []string {
		lines[2] += "&"
		return lines
	})}},
	{name: "names in small letters", from: topic, want: "signed-query", sign: sdkSigner{canonical: replaceText(
		"Action=", "action=", "Message=", "message=", "TopicArn=", "topicarn=", "Version=", "version=",
	)}},
	{name: "equal names joined", from: orderList, want: "signed-query", sign: sdkSigner{canonical: replaceText("&tag=c", "%2Cc")}},
	{name: "query hashed as body", from: topic, want: "signed-payload", sign: sdkSigner{canonical: linesOf(func(lines []string) []string {
		lines[len(lines)-1] = hexSHA([]byte(lines[2]))
		return lines
	})}},
	{name: "SHA-1", from: tableItem, want: "signed-payload", sign: sdkSigner{hash: sha1Hex}},
	{name: "headers as they were given", from: orderCall, want: "signed-headers/order", sign: sdkSigner{canonical: linesOf(
		func(lines []string) []string { // content-type, accept, x-shop, x-amz-date, host
			at := func(name string) string {
				return lines[slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") })]
			}
			end := slices.Index(lines[3:], "") + 3
			order := []string{"content-type", "accept", "x-shop", "x-amz-date", "host"}
			rest := slices.DeleteFunc(slices.Clone(lines[3:end]), func(l string) bool {
				name, _, _ := strings.Cut(l, ":")
				return slices.Contains(order, name)
			})
			var sorted []string
			for _, name := range order[:4] {
				sorted = append(sorted, at(name))
			}
			sorted = append(append(sorted, rest...), at("host"))
			return slices.Concat(lines[:3], sorted, lines[end:])
		},
	)}, hard: true},
	{name: "equals signs between name and value", from: search, want: "signed-headers", sign: sdkSigner{canonical: replaceText(
		"host:", "host=", "x-amz-date:", "x-amz-date=",
	)}},
	{
		name: "list ends in a semicolon", from: search, want: "signed-headers",
		sign: sdkSigner{canonical: replaceText("host;x-amz-date", "host;x-amz-date;")},
	},
	{name: "list alone with capitals", from: search, want: "signed-headers/name-case", sign: sdkSigner{
		canonical: replaceText("host;x-amz-date", "Host;X-Amz-Date"),
	}},
	{name: "line feed behind the canonical request", from: search, want: "signed-string", sign: sdkSigner{
		canonical: func(c string) string { return c + "\n" },
	}},
	{name: "day as scope", from: search, want: "signed-string", sign: sdkSigner{
		toSign: replaceInString("20261128/eu-north-1/es/aws4_request", "20261128"),
	}},
	{
		name: "seconds since 1970", from: search, want: "signed-string",
		sign: sdkSigner{toSign: replaceInString("20261128T221407Z", "1795904047")},
	},
	{name: "string hashed first", from: search, want: "signed-string", sign: sdkSigner{
		toSign: func(s, _ string) string { return hexSHA([]byte(s)) },
	}},
	{name: "aws4 in small letters", from: orderCall, want: "signed-key/prefix", sign: sdkSigner{
		key: func(k string, s []string) []byte { return hmacs("aws4"+k, s...) },
	}},
	{name: "last step in capitals", from: orderCall, want: "signed-key", sign: sdkSigner{
		key: func(k string, s []string) []byte {
			return hmacs("AWS4"+k, append(slices.Clone(s[:3]), "AWS4_REQUEST")...)
		},
	}},
	{name: "scope in one step", from: orderCall, want: "signed-key", sign: sdkSigner{
		key: func(k string, s []string) []byte { return hmacs("AWS4"+k, strings.Join(s, "/")) },
	}},
	{
		name: "no-break space behind the secret", from: orderCall, sign: sdkSigner{secret: sdkSecret + "\u00a0"},
		want: "wrong-secret/white-space",
	},
	{
		name: "byte order mark before the secret", from: orderCall, sign: sdkSigner{secret: "\ufeff" + sdkSecret},
		want: "wrong-secret/white-space",
	},
	{
		name: "typographic quotes around the secret", from: orderCall, sign: sdkSigner{secret: "“" + sdkSecret + "”"},
		want: "wrong-secret/quoted",
	},
	{name: "comma of a list", from: orderCall, sign: sdkSigner{secret: sdkSecret + ","}, want: "wrong-secret"},
	{name: "name of the secret before it", from: orderCall, sign: sdkSigner{secret: "aws_secret_access_key=" +
		sdkSecret}, want: "wrong-secret"},
	{
		name: "secret cut at its plus sign", from: orderCall, want: "wrong-secret/truncated",
		sign: sdkSigner{secret: string(bytes.Split([]byte(sdkSecret), []byte("+"))[0])},
	},
	{
		name: "secret in base64 with its line feed", from: orderCall, want: "wrong-secret",
		sign: sdkSigner{secret: base64.StdEncoding.EncodeToString([]byte(sdkSecret + "\n"))},
	},
	{name: "payload of another body", from: tableItem, want: "unclear signed-payload", hard: true, sign: sdkSigner{
		canonical: payloadWritten(strings.Repeat("ab", 32)),
	}},
}
