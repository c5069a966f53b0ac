package handlers

import (
	"encoding/xml"
	"net/http"
	"strings"

	"countersign/broker"
	"countersign/problem"
)

// sdkProblem is a problem with the members in which SDKs of AWS look for code and message. Of others they show nothing.
type sdkProblem struct {
	problem.Document
	AWSType string `json:"__type"`
	Message string `json:"message"`
}

type sdkError struct {
	Code, Message string
	RequestID     string `xml:"RequestId"`
}

// xmlServices are those whose SDKs read errors in XML, beside the ones that are asked by a form.
var xmlServices = map[string]bool{
	"s3": true, "s3express": true, "s3-outposts": true, "s3-object-lambda": true, "route53": true, "cloudfront": true,
}

// sdkService is the service that a client's own signature is for, empty where it has none.
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

// writeForSDK answers with a problem in the form in which the SDK for a service reads errors.
func writeForSDK(w http.ResponseWriter, r *http.Request, service string, status int, document problem.Document) {
	message := strings.TrimSpace(document.Detail + " " + document.Hint)
	w.Header().Set("X-Amzn-Errortype", document.Code)
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !xmlServices[service] && media != broker.MediaForm {
		writeJSON(w, r, status, "application/problem+json", sdkProblem{document, document.Code, message})
		return
	}
	// Texts have a form in XML, so there is no error.
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
