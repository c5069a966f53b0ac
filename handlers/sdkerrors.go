package handlers

import (
	"encoding/xml"
	"net/http"
	"strings"

	"countersign/broker"
	"countersign/problem"
)

// sdkProblem is a problem with the members in which AWS SDKs look for code and message; they show no others.
type sdkProblem struct {
	problem.Document
	AWSType string `json:"__type"`
	Message string `json:"message"`
}

type sdkError struct {
	Code, Message string
	RequestID     string `xml:"RequestId"`
}

// xmlServices are the services whose SDKs read errors in XML, besides those that are called with forms.
var xmlServices = map[string]bool{
	"s3": true, "s3express": true, "s3-outposts": true, "s3-object-lambda": true, "route53": true, "cloudfront": true,
}

// sdkService returns the service that the client's own signature is for; empty without one.
func sdkService(r *http.Request) string {
	fields, found := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !found {
		return ""
	}
	_, credential, _ := strings.Cut(fields, "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	scope := strings.Split(credential, "/")
	if len(scope) < 5 {
		return ""
	}
	return scope[len(scope)-2]
}

// writeForSDK responds with a problem in the format in which the service's SDK reads errors.
func writeForSDK(w http.ResponseWriter, r *http.Request, service string, status int, document problem.Document) {
	message := strings.TrimSpace(document.Detail + " " + document.Hint)
	w.Header().Set("X-Amzn-Errortype", document.Code)
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !xmlServices[service] && media != broker.MediaForm {
		writeJSON(w, r, status, "application/problem+json", sdkProblem{document, document.Code, message})
		return
	}
	// Strings always marshal to XML, so there is no error.
	e := sdkError{Code: document.Code, Message: message, RequestID: document.Instance}
	var body []byte
	if strings.HasPrefix(service, "s3") {
		body, _ = xml.Marshal(struct {
			XMLName xml.Name `xml:"Error"`
			sdkError
		}{sdkError: e})
	} else {
		body, _ = xml.Marshal(struct {
			XMLName   xml.Name `xml:"ErrorResponse"`
			Error     sdkError
			RequestID string `xml:"RequestId"`
		}{Error: e, RequestID: document.Instance})
	}
	writeHead(w, status, "application/xml", len(body))
	_, _ = w.Write(body)
}
