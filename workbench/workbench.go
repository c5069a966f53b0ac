// Package workbench serves a page that shows what is signed, where each line of it comes from, and what to change; and the API reference.
//
// The files are embedded and static. The page gets everything else from the API, with the user's key. It contains no key, except in the
// sandbox, whose key is for everyone on the machine. The caller must serve the files at their paths. If the settings contain a key, it must
// serve settings.json only under its own host names.
package workbench

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
)

//go:generate go run ./gen

//go:embed index.html docs.html workbench.css workbench.js icon.svg steps.svg
var files embed.FS

// Settings tell the page about the service.
type Settings struct {
	Version string `json:"version"`
	// Operations are the operations that the service offers, such as "POST /v1/sign".
	Operations []string  `json:"operations"`
	Examples   []Example `json:"examples"`
	// Key is the key that the page uses. Only the sandbox has one.
	Key string `json:"key,omitempty"`
	// Gateway is the host of the sandbox's gateway, which changes a request on demand.
	Gateway string `json:"gateway,omitempty"`
}

// Example is a text to start with.
type Example struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Examples are requests to popular services.
var Examples = []Example{
	{"sqs", "SQS", `curl 'https://sqs.eu-west-1.amazonaws.com/' -d 'Action=ListQueues&Version=2012-11-05'`},
	{"s3", "S3 upload", "PUT /in/photo%201.txt HTTP/1.1\nHost: examplebucket.s3.eu-west-1.amazonaws.com\nContent-Type: text/plain\n\nhello"},
	{
		"api", "API Gateway",
		`{"type":"Http","inputs":{"method":"POST","uri":"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders?dryRun=false",` +
			`"headers":{"Content-Type":"application/json"},"body":{"order":"@{triggerBody()?['id']}"}}}`,
	},
	{
		"dynamodb", "DynamoDB", `curl https://dynamodb.eu-west-1.amazonaws.com/ -H 'Content-Type: application/x-amz-json-1.0' \` + "\n" +
			`  -H 'X-Amz-Target: DynamoDB_20120810.GetItem' -d '{"TableName":"orders","Key":{"id":{"S":"1042"}}}'`,
	},
}

// The policies of the two pages: everything comes from this server, and no script or markup is made from strings.
const (
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	docsPolicy = "default-src 'none'; script-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

// Paths maps the addresses at which the files are served to their names.
var Paths = map[string]string{
	"/workbench": "index.html", "/docs": "docs.html", "/workbench/workbench.css": "workbench.css",
	"/workbench/workbench.js": "workbench.js", "/workbench/icon.svg": "icon.svg", "/workbench/steps.svg": "steps.svg",
}

var mediaTypes = map[string]string{
	"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
}

// File serves one of the files.
func File(name string) http.Handler {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // a name in Paths that is not embedded
	}
	policy := pagePolicy
	if name == "docs.html" {
		policy = docsPolicy
	}
	return static(content, mediaTypes[name[strings.LastIndexByte(name, '.')+1:]], policy, "no-cache")
}

// ServeSettings serves settings.json. settings is called for each request.
func ServeSettings(settings func() Settings) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := json.Marshal(settings())
		if err != nil {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		static(text, "application/json", pagePolicy, "no-store").ServeHTTP(w, r)
	})
}

func static(content []byte, media, policy, cache string) http.Handler {
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cache-Control", cache)
		header.Set("Content-Type", media)
		if cache == "no-cache" {
			header.Set("ETag", tag)
			if strings.Contains(r.Header.Get("If-None-Match"), tag) {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		_, _ = bytes.NewReader(content).WriteTo(w) // there is no way to report an error to a client that has disconnected
	})
}

// Redirect redirects a browser to an address relative to the requested one, so that a path prefix is kept.
func Redirect(to string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
	})
}
