package sandbox

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	stsVersion   = "2011-06-15"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	stsBodyLimit = 256 << 10 // above the largest documented call, a SAML assertion of 100,000 characters
	stsSkew      = 15 * time.Minute
)

// STS returns the handler of the Security Token Service.
func (s *Sandbox) STS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := Exchange{Server: "sts", Method: r.Method, Path: r.URL.Path}
		// Clients learn from Date how far off their clock is, even from refusals.
		w.Header().Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
		if s.opts.Fault != nil {
			if h := s.opts.Fault(r); h != nil {
				defer s.observe(seen)
				h.ServeHTTP(w, r)
				return
			}
		}
		seen.RequestID = s.requestID()
		w.Header().Set("x-amzn-RequestId", seen.RequestID)
		switch {
		case r.URL.Path == "/sessions":
			s.rolesAnywhere(w, r, &seen)
		case strings.HasPrefix(r.URL.Path, IssuerPath+"/"):
			s.serveIssuer(w, r)
			return // not a part of AWS
		case strings.HasPrefix(r.Header.Get("X-Amz-Target"), cognitoTarget):
			s.cognito(w, r, &seen)
		default:
			s.query(w, r, &seen)
		}
		s.observe(seen)
	})
}

// query serves a call to STS itself.
func (s *Sandbox) query(w http.ResponseWriter, r *http.Request, seen *Exchange) {
	response, no := s.act(r, seen)
	if no != nil {
		c, _ := no.kind.codes()
		seen.Status, seen.Code = c.status, c.name
		writeXML(w, c.status, errorResponse(c, no.message, seen.RequestID))
		return
	}
	seen.Status = http.StatusOK
	writeXML(w, http.StatusOK, response)
}

// act verifies one call and performs it.
func (s *Sandbox) act(r *http.Request, seen *Exchange) (any, *refusal) {
	a, no := receive(r, stsBodyLimit)
	if no != nil {
		return nil, no
	}
	form, no := parameters(a)
	if no != nil {
		return nil, no
	}
	seen.Action = form.Get("Action")
	if seen.Action == "AssumeRoleWithWebIdentity" && form.Get("Version") == stsVersion {
		return s.assumeRoleWithWebIdentity(a.host, form, seen)
	}
	run, no := s.action(form)
	if no != nil {
		return nil, no
	}
	caller, no := s.verify(a, checks{service: "sts", region: s.opts.Region, skew: stsSkew})
	if no != nil {
		if no.kind == missing {
			no.message = "Request is missing Authentication Token"
		}
		return nil, no
	}
	seen.CallerARN = caller.arn
	return run(caller.principal, form, seen.RequestID)
}

// parameters reads a Query protocol request, whose parameters may be in the URL or in a form.
func parameters(a arrival) (url.Values, *refusal) {
	form, err := url.ParseQuery(a.query)
	if err == nil && a.method == http.MethodPost {
		var body url.Values
		body, err = url.ParseQuery(string(a.body))
		for name, values := range body {
			form[name] = append(form[name], values...)
		}
	}
	if err != nil {
		return nil, &refusal{kind: malformed, message: "The query string contains a syntax error."}
	}
	return form, nil
}

// action finds the requested action.
func (s *Sandbox) action(form url.Values) (func(principal, url.Values, string) (any, *refusal), *refusal) {
	name, version := form.Get("Action"), form.Get("Version")
	if name == "" {
		return nil, &refusal{kind: noAction, message: "The request must contain the parameter Action"}
	}
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	if version == stsVersion {
		switch name {
		case "AssumeRole":
			return s.assumeRole, nil
		case "GetSessionToken":
			return s.getSessionToken, nil
		case "GetCallerIdentity":
			return s.getCallerIdentity, nil
		}
	}
	return nil, &refusal{kind: unknownAction, message: fmt.Sprintf("Could not find operation %s for version %s", name, version)}
}

// Refuse returns a handler that refuses as the STS does, for use as a fault: Refuse(400, "Throttling", "Rate
// exceeded").
func Refuse(status int, name, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		const id = "00000000-0000-4000-8000-000000000000"
		w.Header().Set("x-amzn-RequestId", id)
		writeXML(w, status, errorResponse(code{name, status}, message, id))
	})
}

// writeXML writes a document in STS's format, indented by two.
func writeXML(w http.ResponseWriter, status int, document any) {
	text, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // structs of strings and times always marshal
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}
