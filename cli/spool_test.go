package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The bodies that a caller has in files count together, and no longer once they are sent.
func TestServe_FilesOfACallerAreBounded(t *testing.T) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	aws := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/slow" {
			close(arrived)
			<-proceed
		}
	}))
	defer aws.Close()
	host := strings.TrimPrefix(aws.URL, "http://")
	file := writeFile(t, "countersign.yaml", fmt.Sprintf("allow_send: true\nmax_proxy_body_bytes: 2097152\nmax_response_bytes: 1048576\n"+
		"max_spool_bytes: 4194304\nhttp_hosts: ['%s']\nprofiles:\n  default:\n    source: environment\n"+
		"    hosts: {127.0.0.1: {service: execute-api, region: eu-west-1}}\n", host))
	s := serveApart(t, "COUNTERSIGN_CONFIG="+file)
	put := func(path string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.address+"/proxy/default/"+host+path,
			bytes.NewReader(make([]byte, 2<<20)))
		if err != nil {
			t.Error(err)
			return 0
		}
		r.Header.Set("X-API-Key", dosKey)
		response, err := s.client.Do(r)
		if err != nil {
			t.Error(err)
			return 0
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	slow := make(chan int)
	go func() { slow <- put("/slow") }()
	<-arrived
	if status := put("/"); status != http.StatusServiceUnavailable {
		t.Errorf("a second body, which is more than half of the space: %d, want 503", status)
	}
	close(proceed)
	if status := <-slow; status != http.StatusOK {
		t.Errorf("the first body: %d", status)
	}
	if status := put("/"); status != http.StatusOK {
		t.Errorf("once the first is sent: %d", status)
	}
}
