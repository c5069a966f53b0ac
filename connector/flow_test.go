package connector_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/connector"
	"countersign/internal/logicapps"
)

// transport responds as the signer does and as AWS does.
type transport func(*http.Request) string

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(f(r))), Request: r,
	}, nil
}

// An imported flow calls the signer with the key that was entered and sends what the response contains, and its
// history shows no key.
func TestFlows_Run(t *testing.T) {
	flows, err := connector.Flows()
	if err != nil {
		t.Fatal(err)
	}
	for file, packed := range flows {
		var definition any
		for name, part := range unzip(t, packed) {
			if strings.HasSuffix(name, "/definition.json") {
				definition = at(part, "properties", "definition")
			}
		}
		workflow, err := logicapps.Load([]byte(asJSON(t, node{"definition": definition, "parameters": node{}})))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var asked, sent int
		engine := logicapps.Engine{
			Sleep: func(context.Context, time.Duration) error { return nil },
			Transport: transport(func(r *http.Request) string {
				if r.URL.Host != "your-app.azurewebsites.net" && r.URL.Host != "YOUR-APP.azurewebsites.net" {
					sent++
					if r.Method != http.MethodPut || r.URL.String() != "https://aws.example.com/signed?a=b" ||
						r.Header.Get("X-Amz-Date") != "20150830T123600Z" {
						t.Errorf("%s sends %s %s, which was not signed", file, r.Method, r.URL)
					}
					return "{}"
				}
				asked++
				if r.Header.Get("X-API-Key") != "YOUR-API-KEY" {
					t.Errorf("%s calls the signer without the key", file)
				}
				return `{"method":"PUT","url":"https://aws.example.com/signed?a=b","headers":{"X-Amz-Date":"20150830T123600Z"},` +
					`"bodyEnvelope":{"$content-type":"text/plain","$content":"SGVsbG8="}}`
			}),
		}
		run, err := engine.Run(t.Context(), workflow, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want := 1
		if file == "call-aws.zip" { // the signer sends this request
			want = 0
		}
		if run.Status != logicapps.Succeeded || asked != 1 || sent != want {
			t.Errorf("%s: %s after signing %d times and sending %d times, want Succeeded after one and %d", file, run.Status, asked, sent, want)
		}
		if strings.Contains(run.History(), "YOUR-API-KEY") {
			t.Errorf("%s: the history of a run shows the key", file)
		}
	}
}

func TestFlows_PackagesAreComplete(t *testing.T) {
	flows, err := connector.Flows()
	if err != nil {
		t.Fatal(err)
	}
	if len(flows) != 5 {
		t.Errorf("there are %d flow packages, want 5", len(flows))
	}
	ids := map[string]string{}
	for file, packed := range flows {
		parts := unzip(t, packed)
		assets := at(parts["Microsoft.Flow/flows/manifest.json"], "flowAssets", "assetPaths").([]any)
		id := assets[0].(string)
		if other, twice := ids[id]; twice {
			t.Errorf("%s and %s have the same id", file, other)
		}
		ids[id] = file
		folder := "Microsoft.Flow/flows/" + id + "/"
		want := []string{
			folder + "apisMap.json", folder + "connectionsMap.json", folder + "definition.json", "Microsoft.Flow/flows/manifest.json",
			"manifest.json",
		}
		if got := slices.Sorted(maps.Keys(parts)); !slices.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
		if at(parts["manifest.json"], "resources", id, "type") != "Microsoft.Flow/flows" {
			t.Errorf("%s: the manifest does not name the flow", file)
		}
		definition := in(parts[folder+"definition.json"], "properties", "definition")
		if kind := at(definition, "triggers", "manual", "kind"); kind != "Button" {
			t.Errorf("%s is triggered by %v, want Button", file, kind)
		}
		checkSteps(t, file, definition)
	}
}

func unzip(t *testing.T, packed []byte) map[string]node {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]node{}
	for _, entry := range archive.File {
		file, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		parts[entry.Name] = object(t, text)
	}
	return parts
}
