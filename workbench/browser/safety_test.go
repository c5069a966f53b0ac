package browser

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func apiKeyHash() string {
	sum := sha256.Sum256([]byte(apiKey))
	return hex.EncodeToString(sum[:])
}

// views bring the page into each of its states, by name.
var views = []struct {
	name string
	show func(p *tab)
}{
	{"first visit", func(*tab) {}},
	{"signed", func(p *tab) {
		p.paste("paste", "curl ^\"https://sqs.eu-west-1.amazonaws.com/?b=2^&a=1+x^\" -H ^\"Accept: x^\" --data-raw ^\"{{x}}^\"")
		p.sign()
		p.click("#line-3 [data-piece]")
		p.wait(`document.querySelector("#snippet").innerText.includes("COUNTERSIGN_KEY")`)
		p.do(`[...document.querySelectorAll("details")].forEach((d) => d.open = true)`)
	}},
	{"cause", func(p *tab) {
		p.click("#spoil")
		p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
		p.do(`[...document.querySelectorAll("details")].forEach((d) => d.open = true)`)
	}},
	{"sent", func(p *tab) {
		p.paste("paste", eval[string](p, `fetch("workbench/settings.json").then((r) => r.json()).then((s) => s.examples[0].text)`))
		p.wait(`document.querySelector("#read").innerText.includes("14 bytes")`)
		p.click("#sign")
		p.wait(`document.querySelector("#send").innerText.includes("127.0.0.1")`)
		p.click("#send")
		p.wait(`document.querySelector("#sent").innerText.includes("ms")`)
	}},
}

func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("../../dist/axe.min.js")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no axe-core: make dist/axe.min.js")
	}
	return string(script)
}

func (p *tab) emulate(width, height int64, scheme string) {
	p.Helper()
	set := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(width, height), set); err != nil {
		p.Fatal(err)
	}
}

// violations returns what axe finds in the page, into which it is already loaded.
func (p *tab) violations(arguments string) []string {
	p.Helper()
	return eval[[]string](p, `axe.run(`+arguments+`).then((r) => r.violations.map((v) =>
		v.id + ": " + v.nodes.map((n) => n.html).join(" ").slice(0, 400)))`)
}

// The page is accessible: axe-core finds nothing in any view, scheme and width, and nothing scrolls sideways.
func TestAccessibility(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	script := axe(t)
	p := open(t, sandbox(t)+"/workbench").ready()
	eval[bool](p, script+"; true")
	for _, view := range views {
		view.show(p)
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				p.emulate(width, 900, scheme)
				for _, fault := range p.violations(`document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}`) {
					t.Errorf("%s, %s, %d: %s", view.name, scheme, width, fault)
				}
			}
		}
		p.emulate(320, 700, "light")
		if wide := eval[int](p, "document.documentElement.scrollWidth"); wide > 320 {
			t.Errorf("%s is %d wide on a page of 320, for %s", view.name, wide, eval[string](p, `[...document.querySelectorAll("body *")].
				filter((e) => e.getBoundingClientRect().right > 321).map((e) => e.id || e.tagName).join(" ")`))
		}
		p.emulate(1280, 900, "light")
	}
	p.clean()
}

// The API reference has no script, and its examples open.
func TestDocs_AreReadableAndOpenExamples(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	script := axe(t)
	p := open(t, sandbox(t)+"/docs")
	p.wait(`document.querySelectorAll("main section").length > 20`)
	eval[bool](p, script+"; true")
	// All sections come from one template, and axe takes long to check them all.
	p.do(`for (const s of document.querySelectorAll("main section")) {
		if (!["SignRequest", "schema-Problem"].includes(s.id)) s.remove();
	}`)
	p.do(`[...document.querySelectorAll("details")].slice(0, 3).forEach((d) => d.open = true)`)
	for _, scheme := range []string{"light", "dark"} {
		p.emulate(390, 900, scheme)
		for _, fault := range p.violations(
			`{include: [["header"], ["#operations"], ["#SignRequest"], ["#schema-Problem"]]}, {runOnly: ["wcag2a", "wcag2aa"]}`,
		) {
			t.Errorf("%s: %s", scheme, fault)
		}
	}
	p.clean()
	p.emulate(1280, 900, "light")
	p.do(`document.querySelector("a[href^='workbench?example=SignRequest']").click()`)
	p.wait(`document.querySelector("#read")?.innerText.includes("Read as")`)
}

// hostileTexts returns texts that try to become elements, in twelve ways at five places.
func hostileTexts(gateway string) []string {
	var texts []string
	for _, payload := range []string{
		`<img src=x onerror="window.hacked=1">`, `<script>window.hacked=1</script>`, `"><svg onload=window.hacked=1>`,
		`</textarea><script>window.hacked=1</script>`,
		`</pre><iframe srcdoc="<script>parent.hacked=1</script>">`, `<a href="javascript:window.hacked=1" autofocus onfocus=window.hacked=1>`,
		`<math><mtext><style><img src=x onerror=window.hacked=1></style></mtext></math>`, `&lt;img src=x onerror=window.hacked=1&gt;`,
		`<style>*{display:none}</style>`,
		`<base href=https://evil.test/>`, `<object data=javascript:window.hacked=1>`, "<!--\u202e\u0000--><img/src=x/onerror=window.hacked=1>",
	} {
		inJSON := strings.Trim(quote(payload), `"`)
		texts = append(
			texts, payload, `curl '`+gateway+`/orders?a=`+payload+`' -H 'X-Amz-Meta-A: `+payload+`' --data-raw '`+payload+`'`,
			`{"type":"Http","inputs":{"method":"POST","uri":"`+gateway+`/@{`+inJSON+`}",`+
				`"headers":{"`+inJSON+`":"x","x-amz-meta-a":"`+inJSON+`"},"body":{"`+inJSON+`":"`+inJSON+`"}}}`,
			"curl "+gateway+"/"+payload+"\ncurl '"+gateway+"/?"+payload+"' -H 'X-Tenant: "+payload+"'", "curl --"+payload,
		)
	}
	return texts
}

// Whatever is pasted, returned by AWS or rejected by the service stays text.
func TestPolicy_HostileTextsCreateNoElements(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	gateway := "http://" + eval[string](p, `fetch("workbench/settings.json").then((r) => r.json()).then((s) => s.gateway)`)
	p.emulate(400, 300, "light") // small, since nothing needs to be painted
	texts := hostileTexts(gateway)
	if len(texts) != 60 {
		t.Fatalf("%d texts, want 60", len(texts))
	}
	const count = `document.querySelectorAll("img, script, iframe, svg, a, style, base, object, math").length`
	elements := eval[int](p, count)
	p.do(`document.querySelector("#service").value = "execute-api", document.querySelector("#region").value = "eu-west-1"`)
	// The page need not wait for a pause in typing.
	p.do(`const later = setTimeout; window.setTimeout = (f, wait) => later(f, Math.min(wait, 5))`)
	sent := 0
	for _, text := range texts {
		p.paste("paste", text)
		p.paste("answer", "<Error><Code>"+text+"</Code><Message>"+text+"</Message></Error>")
		p.paste("method", map[bool]string{true: text}[strings.HasPrefix(text, "<")])
		// A single script in the page, since there are many texts: read, sign, copy, send, ask for the cause.
		sent += eval[int](p, `(async () => {
			const $ = (id) => document.getElementById(id);
			const until = async (f) => { for (let i = 0; i < 2000 && !f(); i++) await new Promise((r) => setTimeout(r, 5)); };
			await until(() => $("read").textContent.trim() !== "");
			for (const input of document.querySelectorAll("#placeholders input")) input.value = input.dataset.text;
			$("problem").replaceChildren();
			$("explanation").textContent = "";
			$("sign").click();
			await until(() => $("problem").textContent !== "" || $("explanation").textContent !== "");
			const signed = $("problem").textContent === "";
			if (signed) {
				for (const line of $("lines").children) line.click();
				document.querySelector("[name=form][value=n8n]").click();
				$("sent").textContent = "";
				$("send").click();
				await until(() => !["", "Sending…"].includes($("sent").textContent));
			}
			$("cause").textContent = "";
			$("diagnose").click();
			await until(() => $("cause").textContent !== "");
			return signed && $("sent").textContent.startsWith("200") ? 1 : 0;
		})()`)
		if got := eval[int](p, count); got != elements || eval[bool](p, "window.hacked === 1") {
			t.Fatalf("%d elements instead of %d, with %s", got, elements, text)
		}
	}
	if sent < 12 {
		t.Errorf("only %d of the texts reached the gateway and came back", sent)
	}
	p.clean()
}

// The key, the token and the secrets of the paste stay in the page's memory.
func TestSecrets_StayInThePage(t *testing.T) {
	t.Parallel()
	address, printed := service(t, "COUNTERSIGN_API_KEY_SHA256="+apiKeyHash())
	p := open(t, address+"/workbench")
	p.enter()
	p.paste(
		"paste",
		`curl 'https://sqs.eu-west-1.amazonaws.com/?access_token=CANARY3' -H 'Authorization: Bearer CANARY4' `+
			`-H 'X-Api-Key: CANARY5' -H 'Cookie: a=CANARY6' -u 'user:CANARY7'`,
	)
	p.sign()
	p.wait(`document.querySelector("#snippet").innerText.includes("COUNTERSIGN_KEY")`)
	for place, text := range map[string]string{
		"the URL":   eval[string](p, "location.href + JSON.stringify(history.state)"),
		"storage":   eval[string](p, "JSON.stringify([{...localStorage}, {...sessionStorage}])"),
		"cookies":   eval[string](p, "document.cookie"),
		"the log":   printed(),
		"addresses": strings.Join(p.asked, "\n"),
	} {
		if strings.Contains(text, "CANARY") && !(place == "the log" && !strings.Contains(text, "CANARY1")) {
			t.Errorf("a secret is in %s: %s", place, text)
		}
	}
	if text := printed(); strings.Contains(text, "CANARY") {
		t.Errorf("a secret is in the log or the audit record:\n%s", text)
	}
	p.do(`navigator.clipboard.writeText = async (text) => { window.copied = text; }`)
	p.click("[data-copy=ticket]")
	p.wait("window.copied")
	ticket := eval[string](p, "window.copied")
	for _, canary := range []string{"CANARY1", "CANARY2", "CANARY3", "CANARY4", "CANARY5", "CANARY6", "CANARY7"} {
		if strings.Contains(ticket, canary) {
			t.Errorf("%s is in the ticket:\n%s", canary, ticket)
		}
	}
	if !strings.Contains(ticket, "Canonical request:") {
		t.Errorf("the ticket has no canonical request:\n%s", ticket)
	}
	p.paste("key", "")
	if stored := eval[string](p, "sessionStorage.getItem('countersign-key') ?? ''"); stored != "" {
		t.Error("the key is stored without having been asked to")
	}
}

// attack makes a page request everything in every way that a page can: with JSON, with an SDK's signature, without a
// preflight, with cookies, by a form, in a frame, as a picture, by a WebSocket.
func attack(p *tab, target string, operations []string) {
	p.Helper()
	const body = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`
	got := eval[[]string](p, `(async (target, operations, body, scope) => {
		const found = [], ways = [{headers: {"Content-Type": "application/json"}}, {headers: {Authorization: scope}}, {mode: "no-cors"},
			{mode: "no-cors", credentials: "include"}];
		const fetched = operations.flatMap((operation) => ways.map(async (way) => {
			const [method, path] = operation.split(" "), sent = method === "POST" ? {body} : {};
			try {
				const answer = await fetch(target + path, {method, ...sent, ...way}), text = await answer.text();
				if (answer.ok || text.includes("authorization")) found.push(operation + " " + answer.status + " " + text);
			} catch { /* as it must be */ }
		}));
		const framed = operations.map((operation) => new Promise((done) => {
			const [method, path] = operation.split(" ");
			const frame = document.createElement("iframe"), form = document.createElement("form"), input = document.createElement("input");
			frame.name = operation;
			document.body.append(frame);
			frame.addEventListener("load", done);
			document.addEventListener("securitypolicyviolation", done);
			if (method === "GET") {
				frame.src = target + path;
				return;
			}
			Object.assign(form, {action: target + path, method: "post", enctype: "text/plain", target: frame.name});
			Object.assign(input, {name: body.slice(0, -1) + ',"profile":"', value: '"}'});
			form.append(input);
			document.body.append(form);
			form.submit();
		}));
		const gets = operations.filter((operation) => operation.startsWith("GET ")).map((operation) => target + operation.slice(4));
		const pictures = gets.map((address) => new Promise((done) => {
			const picture = new Image();
			picture.onload = picture.onerror = done;
			picture.src = address;
		}));
		const sockets = gets.map((address) => new Promise((done) => {
			const socket = new WebSocket(address.replace("http", "ws"));
			socket.onopen = () => done(found.push("a WebSocket to " + address));
			socket.onerror = done;
		}));
		await Promise.all([...fetched, ...framed, ...pictures, ...sockets]);
		return found;
	})(`+quote(target)+`, `+quoteAll(operations)+`, `+quote(body)+`, `+quote(sdkScope)+`)`)
	for _, response := range got {
		p.Errorf("from %s: %s", eval[string](p, "location.origin"), response)
	}
}

// passedOn are requests to AWS through the proxy, which are not in the page's settings.
var passedOn = []string{
	"GET /proxy/default/sqs.eu-west-1.amazonaws.com/?Action=DeleteQueue&Version=2012-11-05",
	"POST /proxy/default/sqs.eu-west-1.amazonaws.com/",
	"GET /proxy/default/a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod",
	"GET /call/default/sqs.eu-west-1.amazonaws.com/?Action=DeleteQueue&Version=2012-11-05",
	"POST /call/default/sqs.eu-west-1.amazonaws.com/",
}

func quoteAll(texts []string) string {
	out, err := json.Marshal(texts)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// operations returns the operations in the page's settings.
func operations(t *testing.T, address string) []string {
	t.Helper()
	response, err := http.Get(address + "/workbench/settings.json") //nolint:noctx // on this machine
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var settings struct{ Operations []string }
	if err := json.NewDecoder(response.Body).Decode(&settings); err != nil {
		t.Fatal(err)
	}
	if len(settings.Operations) < 17 {
		t.Fatalf("only %q are offered", settings.Operations)
	}
	return settings.Operations
}

// signedIn returns the address of a service behind a platform that has signed everybody in.
func signedIn(t *testing.T) (address string, printed func() string) {
	t.Helper()
	const tenant = "11111111-2222-3333-4444-555555555555"
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	text := "callers:\n  trusted_header:\n    tenant: " + tenant + "\n    roles: [Sign.Invoke]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	behind, printed := service(t, "COUNTERSIGN_CONFIG="+file, "COUNTERSIGN_ALLOW_SEND=true")
	target, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	principal := base64.StdEncoding.EncodeToString([]byte(`{"auth_typ":"aad","claims":[` +
		`{"typ":"appid","val":"22222222-2222-3333-4444-555555555555"},{"typ":"oid","val":"33333333-2222-3333-4444-555555555555"},` +
		`{"typ":"tid","val":"` + tenant + `"},{"typ":"roles","val":"Sign.Invoke"}]}`))
	platform := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		r.Out.Header.Set("X-MS-CLIENT-PRINCIPAL", principal)
	}}
	return "http://127.0.0.1:" + serveOn(t, platform.ServeHTTP), printed
}

// foreignPage returns the address of a page whose origin is no service's.
func foreignPage(t *testing.T) string {
	t.Helper()
	return "http://127.0.0.1:" + serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>foreign</title><body>"))
	}) + "/"
}

// permitted returns the audit records in a log of requests that were signed.
func permitted(log string) (records []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"decision":"allow"`) && !strings.Contains(line, `"action":"configure"`) {
			records = append(records, line)
		}
	}
	return records
}

// A page of another origin, one in a frame, and one under a foreign name that resolves to the service get nothing
// signed and nothing sent.
func TestOrigin_ForeignPagesGetNothing(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	for name, begin := range map[string]func(t *testing.T) (string, func() string){
		"auth none": func(t *testing.T) (string, func() string) {
			t.Helper()
			return service(t, "COUNTERSIGN_AUTH=none", "COUNTERSIGN_ALLOW_SEND=true")
		},
		"keys": func(t *testing.T) (string, func() string) {
			t.Helper()
			return service(t, "COUNTERSIGN_API_KEY_SHA256="+apiKeyHash(), "COUNTERSIGN_ALLOW_SEND=true")
		},
		"signed in by the platform": signedIn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, printed := begin(t)
			all := append(operations(t, address), passedOn...)
			foreign := foreignPage(t)
			attack(open(t, foreign), address, all)
			if name != "signed in by the platform" { // its cookie belongs to the host name for which it was set
				there := strings.Replace(address, "127.0.0.1", "evil.test", 1)
				attack(open(t, there+"/workbench"), there, all)
			}
			framed := open(t, foreign)
			framed.do(`const f = document.createElement("iframe"); f.src = ` + quote(address+"/workbench") + `; document.body.append(f)`)
			framed.faulty("frame-ancestors 'none'")
			for _, route := range []string{"/proxy/*", "/call/*"} {
				if !strings.Contains(printed(), `"route":"`+route+`"`) {
					t.Errorf("%s was not tried", route)
				}
			}
			for _, line := range permitted(printed()) {
				t.Errorf("something was signed: %s", line)
			}
			if name == "keys" {
				return
			}
			// The service's own page gets the same request signed, so that this test can fail.
			own := open(t, address+"/workbench").ready()
			own.paste("paste", "curl https://sqs.eu-west-1.amazonaws.com/")
			own.sign()
		})
	}
}
