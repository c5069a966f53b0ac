package functionshost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// wrapped is the document with which a host without the two flags invokes a function with an HTTP trigger.
type wrapped struct {
	Data     map[string]wrappedRequest
	Metadata map[string]any
}

type wrappedRequest struct {
	URL        string `json:"Url"`
	Method     string
	Query      map[string]string
	Headers    map[string][]string
	Params     map[string]string
	Identities []any
	Body       string
}

// serveWrapped posts the document to /{function}. Responses other than 2xx fail the invocation, and the client learns
// nothing more; the operator finds the program's response in the log.
func (h *Host) serveWrapped(w http.ResponseWriter, r *http.Request, f function) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.fail(w, err)
		return
	}
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		query[name] = values[0]
	}
	text, err := json.Marshal(wrapped{
		Data: map[string]wrappedRequest{f.trigger().Name: {
			URL: "https://" + r.Host + r.URL.RequestURI(), Method: r.Method, Query: query, Headers: r.Header,
			Params: map[string]string{}, Identities: []any{}, Body: string(body),
		}},
		Metadata: map[string]any{"Query": query, "Headers": r.Header, "sys": map[string]string{"MethodName": f.name}},
	})
	if err != nil {
		h.fail(w, err)
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, h.programURL()+"/"+f.name, bytes.NewReader(text))
	if err != nil {
		h.fail(w, err)
		return
	}
	request.Header = http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"Azure-Functions-Host/" + version},
		headerVersion: {version}, headerInvocation: {newID()},
	}
	response, err := h.forward.Do(request)
	if err != nil {
		h.fail(w, err)
		return
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("response status code does not indicate success: %d\n%s", response.StatusCode, said)
	} else if err == nil {
		err = fmt.Errorf("a status of %d with outputs, which are not emulated here", response.StatusCode)
	}
	h.fail(w, err)
}
