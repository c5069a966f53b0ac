package handlers

import "net/http"

type about struct {
	Service  string `json:"service"`
	Version  string `json:"version"`
	Contract string `json:"contract"`
}

type status struct {
	Status string `json:"status"`
}

// GetRoot says who is here. The Azure Functions host polls it and takes any answer for readiness, so it does nothing else.
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

// GetReadiness answers 200 until [Handlers.Drain].
func (h *Handlers) GetReadiness() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.draining.Load() {
			WriteError(w, r, &fault{code: "draining", detail: "This instance takes no more requests.", retryAfter: 5 * second})
			return
		}
		writeJSON(w, r, http.StatusOK, "application/json", status{"ok"})
	})
}

// Drain makes the instance unready, so that a load balancer sends requests elsewhere while those under way are finished.
func (h *Handlers) Drain() { h.draining.Store(true) }
