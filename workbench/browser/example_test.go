package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// pageExample starts the sandbox and serves the example of a browser app from another origin.
func pageExample(t *testing.T) (address string) {
	t.Helper()
	needBrowser(t)
	pages := httptest.NewServer(http.FileServer(http.Dir("../../examples")))
	t.Cleanup(pages.Close)
	rest, _, stop, err := launch(pages.URL, nil, "sandbox", "--allow-origin", pages.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return pages.URL + rest
}

func TestExample_CallsAsTheUser(t *testing.T) {
	t.Parallel()
	p := open(t, pageExample(t))
	response := func(button string) string {
		t.Helper()
		p.do(`document.querySelector("#answer").textContent = ""`)
		p.click(`button[value="` + button + `"]`)
		p.wait(`document.querySelector("#answer").textContent.length > 1`)
		return p.text("#answer")
	}
	for button, want := range map[string]string{"get": `"bodyLength": 0`, "post": `"bodyLength": 14`} {
		if got := response(button); !strings.Contains(got, want) || !strings.Contains(got, "assumed-role/sandbox-user/sandbox-anna-") {
			t.Errorf("%s: %s", button, got)
		}
	}
	for _, as := range []struct{ accept, want string }{
		{"text/plain", `"POST /orders\narn:aws:sts::`}, {"application/octet-stream", "14 bytes"}, {"application/json", `"bodyLength": 14`},
	} {
		p.do(`document.querySelector("#accept").value = "` + as.accept + `"`)
		if got := response("post"); !strings.Contains(got, as.want) {
			t.Errorf("as %s: %s", as.accept, got)
		}
	}
	p.do(`document.querySelector("#profile").value = "as-user-pool"`)
	if got := response("get"); !strings.Contains(got, "Cognito_sandboxAuth_Role") {
		t.Errorf("through the user pool: %s", got)
	}
	p.do(`document.querySelector("#profile").value = "as-guest"; window.token = document.querySelector("#token").value;
		document.querySelector("#token").value = ""`)
	if got := response("post"); !strings.Contains(got, "Cognito_sandboxUnauth_Role") || !strings.Contains(got, `"bodyLength": 14`) {
		t.Errorf("as a guest: %s", got)
	}
	p.do(`document.querySelector("#profile").value = "as-user"`)
	if got := response("get"); !strings.HasPrefix(got, "forbidden: ") {
		t.Errorf("a guest with a profile for users: %s", got)
	}
	p.do(`document.querySelector("#token").value = window.token + "x"`)
	if got := response("get"); !strings.HasPrefix(got, "unauthenticated: ") {
		t.Errorf("with a bad token: %s", got)
	}
	if hash := eval[string](p, `location.hash`); hash != "" {
		t.Error("the token is still in the address")
	}
}
