package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/credentials"

	"github.com/go-chi/chi/v5"
)

// unsigning are the routes that sign nothing, so that they write no record. A new route counts as signing until it is
// listed here.
var unsigning = []string{
	"GET /", "GET /livez", "GET /readyz", "GET /openapi.yaml", "GET /openapi.json", "GET /swagger.json",
	"GET /v1/profiles", "GET /v1/services", "GET /v1/regions", "GET /v1/scope", "GET /v1/identity",
	"POST /v1/payload-hash", "POST /v1/read", "POST /v1/snippets", "POST /v1/steps/string-to-sign", "POST /v1/steps/authorization",
}

// usesNothing reports whether a request uses no keys: without a profile, a diagnosis uses only what the caller gives.
func usesNothing(route, request string) bool {
	return route == "POST /v1/diagnose" && !strings.Contains(request, `"profile"`)
}

// auditList keeps records, or fails.
type auditList struct {
	list []access.Record
	err  error
}

func (a *auditList) Write(_ context.Context, r access.Record) error {
	if a.err == nil {
		a.list = append(a.list, r)
	}
	return a.err
}

func (a *auditList) NextID() string { return fmt.Sprint("event-", len(a.list)+1) }

// denied is AWS refusing a session.
type denied struct{ sessions }

func (denied) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	return credentials.Session{}, credentials.ErrDenied
}

// askEveryRoute sends the examples of the contract to every route of the router.
func askEveryRoute(t *testing.T, s server, each func(route, request string, w *httptest.ResponseRecorder)) {
	t.Helper()
	doc := contractDocument(t)
	err := chi.Walk(s.routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		item := doc.Paths.Value(route)
		if item == nil || item.GetOperation(method) == nil {
			return fmt.Errorf("%s %s is not in the contract, so there is no example of it", method, route)
		}
		operation := item.GetOperation(method)
		if operation.RequestBody == nil {
			each(method+" "+route, "", s.do(method, route+exampleQuery(operation), "", "X-API-Key", key))
			return nil
		}
		for media, content := range operation.RequestBody.Value.Content {
			if len(content.Examples) == 0 && content.Schema.Value.Type.Is("object") {
				return fmt.Errorf("%s %s has no example", method, route)
			}
			for _, example := range content.Examples {
				body, err := json.Marshal(example.Value.Value)
				if err != nil {
					return err
				}
				each(method+" "+route, string(body), s.do(method, route, string(body), "X-API-Key", key, "Content-Type", media))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// No signature, token, form or canonical request made here leaves without its record, by any route.
func TestRoutes_SignNothingWithoutARecord(t *testing.T) {
	for _, outcome := range []struct {
		name     string
		sessions broker.Sessions
		policies string
		status   int
		recorded func(access.Record) bool
	}{
		{"signed", sessions{}, everythingAllowed, 200, func(r access.Record) bool { return r.Decision == "allow" && r.AccessKeyID != "" }},
		{"denied", sessions{}, "forbid (principal, action, resource);", 403, func(r access.Record) bool { return r.Decision == "deny" }},
		{"failed", denied{}, everythingAllowed, 403, func(r access.Record) bool {
			return r.Decision == "allow" && strings.Contains(strings.Join(r.Notes, "\n"), "nothing was signed: session_denied")
		}},
	} {
		t.Run(outcome.name, func(t *testing.T) {
			audit := &auditList{}
			made := map[string]bool{}
			server := newServerOf(t, outcome.sessions, audit, outcome.policies, func(*api.Options) {})
			seen, signing := 0, 0
			askEveryRoute(t, server, func(route, request string, w *httptest.ResponseRecorder) {
				records := audit.list[seen:]
				seen = len(audit.list)
				switch {
				case slices.Contains(unsigning, route), usesNothing(route, request):
					if len(records) > 0 {
						t.Errorf("%s: %d records of a route that signs nothing", route, len(records))
					}
				case route == "POST /v1/send" && w.Code == 200 && (len(records) != 2 || records[1].Of != records[0].EventID ||
					records[1].Outcome != "complete"):
					t.Errorf("%s %s: recorded %+v, want intent and outcome", route, request, records)
				case w.Code != outcome.status || len(records) == 0 || len(records) != 1 && route != "POST /v1/send" || !outcome.recorded(records[0]):
					t.Errorf("%s %s: %d %s, want %d and one record, got %+v", route, request, w.Code, w.Body, outcome.status, records)
				default:
					signing++
				}
				for _, text := range notOf(request, secrets(route, w.Body.String())) {
					if made[text] = true; len(records) == 0 {
						t.Errorf("%s: the response holds %q, which is made here, and there is no record", route, text)
					}
				}
			})
			if signing < 7 || (outcome.name == "signed") != (len(made) > 7) {
				t.Fatalf("%d requests were recorded, %d secrets made; is the test blind?", signing, len(made))
			}
			if arrived := server.arrived.Load(); (outcome.name == "signed") != (arrived > 0) {
				t.Errorf("%d requests arrived at AWS", arrived)
			}
			server.arrived.Store(0)
			audit.err = errors.Join(access.ErrAudit, errors.New("disk full"))
			askEveryRoute(t, server, func(route, request string, w *httptest.ResponseRecorder) {
				if !slices.Contains(unsigning, route) && !usesNothing(route, request) && (w.Code != 503 ||
					!strings.Contains(w.Body.String(), `"audit_unavailable"`)) {
					t.Errorf("%s: got %d %s without a record, want 503", route, w.Code, w.Body)
				}
				if found := notOf(request, secrets(route, w.Body.String())); len(found) > 0 {
					t.Errorf("%s: without a record, the response holds %q", route, found)
				}
			})
			if arrived := server.arrived.Load(); arrived > 0 {
				t.Errorf("%d requests arrived at AWS without a record", arrived)
			}
		})
	}
}

var (
	hexSignature = regexp.MustCompile(`(?i)(?:signature"?[=:]"?|signature","value":")([0-9a-f]{64})`)
	madeField    = regexp.MustCompile(`"(?:token|policy|canonicalRequest|authorization)":("(?:[^"\\]|\\.)*")`)
)

// secrets are the parts of a response that only a signer can make. The contract has examples of them.
func secrets(route, response string) []string {
	var found []string
	if slices.Contains([]string{"GET /openapi.yaml", "GET /openapi.json", "GET /swagger.json"}, route) {
		return nil
	}
	for _, m := range hexSignature.FindAllStringSubmatch(response, -1) {
		found = append(found, m[1])
	}
	for _, m := range madeField.FindAllStringSubmatch(response, -1) {
		found = append(found, m[1])
	}
	if strings.Contains(response, "EXAMPLETOKEN") {
		found = append(found, "EXAMPLETOKEN")
	}
	return found
}

// notOf leaves out what was in the request; an Authorization is made from its signature.
func notOf(request string, found []string) []string {
	return slices.DeleteFunc(found, func(text string) bool {
		signature := hexSignature.FindStringSubmatch(text)
		return strings.Contains(request, text) || signature != nil && strings.Contains(request, signature[1])
	})
}
