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

// GetRoot says who is here. The Azure Functions host polls it and takes any response for readiness, so it does nothing else.
func (h *Handlers) GetRoot() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, r, http.StatusOK, "application/json", about{"countersign", h.Version, "/openapi.yaml"})
	})
}

// GetLiveness answers as long as the process can.
func (h *Handlers) GetLiveness() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, r, http.StatusOK, "application/json", status{"ok"})
	})
}

// GetReadiness answers 200 while a request sent here can be expected to succeed.
//
// A load balancer that hears 503 sends requests elsewhere, and nowhere if it hears 503 from every instance. So an
// instance is unready only for what it cannot do for anybody, and what another instance may well do: it is going to
// stop, it cannot write audit records, or it holds no session and reaches no source of one. Not so when AWS refuses a
// session, which it would to all instances alike, and which only an instance that gets requests can tell the caller.
// Both questions look at what requests left behind, call nobody before they answer, and try again in the background
// what failed: without requests nothing else would.
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
		return &problem.Error{Code: "draining", Detail: "This instance takes no more requests.", RetryAfter: retry}
	case h.AuditBroken != nil && h.AuditBroken():
		return &problem.Error{Code: "audit_unavailable", Detail: "The last audit record of this instance could not be " +
			"written.", RetryAfter: retry}
	case h.SessionsReady != nil && !h.SessionsReady():
		return &problem.Error{Code: "session_unavailable", Detail: "This instance has no session of any profile and " +
			"reaches no source of one.", RetryAfter: retry}
	}
	return nil
}

// Drain makes the instance unready, so that a load balancer sends requests elsewhere while those under way are finished.
func (h *Handlers) Drain() { h.draining.Store(true) }
