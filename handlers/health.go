package handlers

import (
	"net/http"

	"countersign/problem"
)

type about struct {
	Service  string `json:"service"`
	Version  string `json:"version"`
	Contract string `json:"contract"`
}

type status struct {
	Status string `json:"status"`
}

// GetRoot identifies the service. The Azure Functions host polls it and takes any response for readiness, so it does
// nothing else.
func (h *Handlers) GetRoot() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, r, http.StatusOK, "application/json", about{"countersign", h.Version, "/openapi.yaml"})
	})
}

// GetLiveness responds as long as the process can.
func (h *Handlers) GetLiveness() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, r, http.StatusOK, "application/json", status{"ok"})
	})
}

// GetReadiness responds with 200 while a request sent here can be expected to succeed.
//
// A load balancer that gets 503 sends requests elsewhere, and nowhere if every instance responds with 503. So an
// instance is unready only if it cannot serve any caller, and another instance may well be able to: it is about to
// stop, it cannot write audit records, or it has no session and cannot reach a source of one. It stays ready when AWS
// refuses a session: AWS would refuse it to all instances alike, and only an instance that gets requests can tell the
// caller. AuditBroken and SessionsReady look at the results of earlier requests and call nobody before they return.
// What failed they try again in the background: without requests, nothing else would.
func (h *Handlers) GetReadiness() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.unready(); err != nil {
			WriteError(w, r, err)
			return
		}
		writeJSON(w, r, http.StatusOK, "application/json", status{"ok"})
	})
}

func (h *Handlers) unready() error {
	const retry = 5 * second
	switch {
	case h.draining.Load():
		return &problem.Error{Code: "draining", Detail: "This instance accepts no more requests.", RetryAfter: retry}
	case h.AuditBroken != nil && h.AuditBroken():
		return &problem.Error{Code: "audit_unavailable", Detail: "The last audit record of this instance could not be " +
			"written.", RetryAfter: retry}
	case h.SessionsReady != nil && !h.SessionsReady():
		return &problem.Error{Code: "session_unavailable", Detail: "This instance has no session for any profile and " +
			"cannot reach a source of one.", RetryAfter: retry}
	}
	return nil
}

// Drain makes the instance unready, so that a load balancer sends requests elsewhere while those in progress finish.
func (h *Handlers) Drain() { h.draining.Store(true) }
