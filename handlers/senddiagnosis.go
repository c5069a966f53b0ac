package handlers

import (
	"bytes"
	"context"
	"io"

	"countersign/diagnosis"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

// explain diagnoses a refusal that is passed on with its body. It peeks at the beginning of the body, which can still
// be read.
func (a *passedOn) explain() *problem.Diagnosis {
	resp := a.sent.Response.Response
	if !refused(resp.StatusCode) {
		return nil
	}
	begin := sending.Peek(resp, maxRefusal+1)
	whole := resp.Body
	resp.Body = io.NopCloser(bytes.NewReader(begin))
	peek := &passedOn{sent: a.sent} // so that its warnings are not added twice
	text, _ := io.ReadAll(io.LimitReader(peek.unpacked(), maxRefusal+1))
	resp.Body = whole
	return a.diagnosis(text)
}

// diagnosis says why AWS refused. What was signed and what was sent are known here, and are the same.
func (a *passedOn) diagnosis(body []byte) *problem.Diagnosis {
	sent := a.sent
	request := &diagnosis.Request{
		Method: sent.Method, URL: sent.URL, Headers: sent.Signed.Headers, Body: sent.Body, BodyUnknown: sent.BodyUnknown,
	}
	response := &diagnosis.Response{Status: sent.Response.StatusCode, Body: body}
	for name, values := range sent.Response.Header {
		for _, value := range values {
			response.Headers = append(response.Headers, signing.Header{Name: name, Value: value})
		}
	}
	ctx, cancel := context.WithTimeout(sent.Response.Request.Context(), diagnosisTime)
	defer cancel()
	report := diagnosis.Diagnose(ctx, diagnosis.Input{
		Request: request, RequestIs: diagnosis.AsSigned, Sent: request, Response: response,
		Credentials: sent.Held.Credentials, SessionExpires: sent.Held.Expires, Hosts: sent.Held.Hosts,
		STSEndpoint: sent.Held.STSEndpoint, ReceivedAt: sent.AnsweredAt, SignerClock: true,
	})
	v := &report.Verdicts[0]
	out := &problem.Diagnosis{
		Cause: string(v.Cause), Detail: v.Detail, Title: v.Title, Certainty: string(v.Certainty), Reason: sent.Redact(v.Reason),
		FixInWorkflow: sent.Redact(v.FixInWorkflow), Read: v.Read,
	}
	for _, e := range v.Evidence {
		out.Evidence = append(out.Evidence, problem.Evidence{
			Part: sent.Redact(e.Part), Signed: sent.Redact(e.Signed), Arrived: sent.Redact(e.Arrived),
		})
	}
	return out
}
