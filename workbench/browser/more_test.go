package browser

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The steps of a new user, from the address that the sandbox prints: look, change, sign, send. People need longer to
// read.
func TestWalk_FromTheSandboxToAChangedRequest(t *testing.T) {
	t.Parallel()
	begun, actions := time.Now(), 0
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	press := func(keys string, options ...chromedp.KeyOption) { actions++; p.keys(keys, options...) }
	p.wait(`document.querySelector("#read").innerText.includes("Read as curl")`)
	p.do(`const e = document.querySelector("#paste"), i = e.value.indexOf("1042"); e.focus(); e.setSelectionRange(i, i + 4)`)
	actions++ // a double click
	p.insert("7")
	actions++
	press("\r", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	p.wait(`document.querySelector("#send").innerText.startsWith("Send POST to 127.0.0.1")`)
	p.click("#send")
	actions++
	p.wait(`document.querySelector("#sent").innerText.startsWith("200")`)
	if got := p.text("#sent pre"); !strings.Contains(got, `"bodyLength": 11`) {
		t.Errorf("the gateway received another body: %s", got)
	}
	t.Logf("%d actions, %.1f s", actions, time.Since(begun).Seconds())
	p.clean()
}

// From a refusal at hand to its cause: paste, press a button.
func TestWalk_FromARefusalToTheCause(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	p := open(t, sandbox(t)+"/workbench").ready()
	p.paste("paste", `< HTTP/1.1 403 Forbidden`+"\n"+`< x-amzn-errortype: InvalidSignatureException`+"\n< \n"+
		`{"message":"Credential should be scoped to a valid region, not 'us-east-1'. "}`)
	p.wait(`document.querySelector("#read").innerText.includes("This is a response, not a request")`)
	p.click("#read button")
	p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
	if got := p.text("#cause"); !strings.Contains(got, "region") || !strings.Contains(got, "AWS says so") {
		t.Errorf("cause: %s", got)
	}
	t.Logf("2 actions, %.1f s", time.Since(begun).Seconds())
	p.do(`document.querySelector("#cause").textContent = ""; // again, while another paste is being read
		const paste = document.querySelector("#paste");
		paste.value += " ";
		paste.dispatchEvent(new Event("input"));
		document.querySelector("#read button").click()`)
	p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
	p.paste("paste", "")
	p.paste("answer", `{"message":"Missing Authentication Token"}`)
	p.click("#diagnose")
	p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
	p.clean()
}

// The gateway's response to a correct and to a changed request.
func TestWalk_TheGatewayRefusesOneChangedByte(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	p.wait(`!document.querySelector("#send-spoiled").hidden`)
	for button, status := range map[string]string{"#send": "200", "#send-spoiled": "403"} {
		p.click(button)
		p.wait(`document.querySelector("#sent").innerText.startsWith("` + status + `")`)
	}
	p.click("#send-spoiled")
	p.wait(`document.querySelector("#sent").innerText.includes("For your workflow")`)
	if got := p.text("#sent"); !strings.Contains(got, "The value of note changed") || !strings.Contains(got, "This is proved") {
		t.Errorf("sent: %s", got)
	}
	if got := p.text("#sent table"); !strings.Contains(got, "query\tdryRun=false&note=a%20b\tdryRun=false&note=a%200") {
		t.Errorf("signed and received: %q", got)
	}
	p.do(`[...document.querySelectorAll("#examples button")].find((b) => b.innerText === "SQS").click()`)
	p.wait(`document.querySelector("#read").innerText.includes("body of 36 bytes")`)
	p.click("#sign")
	p.wait(`document.querySelector("#send").innerText.includes("sqs")`)
	if eval[bool](p, `!document.querySelector("#send-spoiled").hidden`) {
		t.Error("a request to AWS itself can be sent changed")
	}
	p.clean()
}

// Everything with the keyboard: from the first key to the response, the cause and the copy.
func TestWalk_FromPasteToCopyByKeyboard(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	tabTo := func(id string) {
		t.Helper()
		for range 80 {
			if eval[string](p, `document.activeElement.id || document.activeElement.value || ""`) == id {
				return
			}
			p.keys(kb.Tab)
		}
		t.Fatalf("Tab never reaches %s", id)
	}
	for !eval[bool](p, `document.activeElement.tagName === "BUTTON" && document.activeElement.innerText.includes("Sandbox")`) {
		p.keys(kb.Tab)
	}
	p.keys("\r")
	p.sign()
	tabTo("send")
	p.keys("\r")
	p.wait(`document.querySelector("#sent").innerText.startsWith("200")`)
	tabTo("spoil")
	p.keys(" ")
	p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
	tabTo("logic-apps")
	for range 3 {
		p.keys(kb.ArrowRight)
	}
	p.wait(`document.querySelector("#snippet").innerText.includes("import base64")`)
	tabTo("service")
	p.keys(kb.ArrowRight)
	p.wait(`document.querySelector("#snippet").innerText.includes("Signature=")`)
	p.clean()
}

func TestWalk_EveryExampleOfTheReferenceOpens(t *testing.T) {
	t.Parallel()
	address := sandbox(t)
	p := open(t, address+"/docs")
	links := eval[[]string](p, `[...document.querySelectorAll("a[href^='workbench?example=']")].map((a) => a.getAttribute("href"))`)
	if len(links) < 15 {
		t.Fatalf("only %d examples", len(links))
	}
	for _, link := range links {
		if err := chromedp.Do(p.ctx, chromedp.Navigate(address+"/"+link)); err != nil {
			t.Fatal(err)
		}
		p.wait(`/Read as|response, not a request/.test(document.querySelector("#read")?.innerText ?? "")`)
		if got := p.text("#read .bad"); got != "" {
			t.Errorf("%s: %s", link, got)
		}
	}
	p.clean()
}

func TestWalk_EveryFormIsRead(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	for _, form := range []struct{ want, text string }{
		{"curl: POST, 1 header", `curl https://sqs.eu-west-1.amazonaws.com/ -d a=b`},
		{"curl for Windows: PUT", "curl ^\"https://sqs.eu-west-1.amazonaws.com/^\" ^\n -X PUT"},
		{"curl in PowerShell: POST", "curl.exe https://sqs.eu-west-1.amazonaws.com/ `\n  -X POST -H \"X-Tenant: acme\""},
		{"PowerShell: DELETE", `Invoke-RestMethod -Uri 'https://sqs.eu-west-1.amazonaws.com/a' -Method Delete`},
		{"raw HTTP: PUT, 1 header", "PUT /k HTTP/1.1\nHost: b.s3.eu-west-1.amazonaws.com\n\nhello"},
		{"fetch(): POST, 1 header", `fetch("https://sqs.eu-west-1.amazonaws.com/", {"method":"POST","headers":{"x-a":"b"}});`},
		{
			"Postman: GET",
			`{"info":{"name":"c"},"item":[{"name":"a","request":{"method":"GET","url":{"raw":"https://sqs.eu-west-1.amazonaws.com/"}}}]}`,
		},
		{"a HAR file: GET", `{"log":{"entries":[{"request":{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headers":[]}}]}}`},
		{"a workflow action: PATCH", `{"type":"Http","inputs":{"method":"PATCH","uri":"https://sqs.eu-west-1.amazonaws.com/"}}`},
		{
			"an n8n node: POST",
			`{"nodes":[{"type":"n8n-nodes-base.httpRequest","parameters":{"method":"POST",` +
				`"url":"https://sqs.eu-west-1.amazonaws.com/"}}],"connections":{}}`,
		},
		{"a Countersign document", `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","headerList":[],"query":{"a":"b"}}`},
		{"a URL: GET", "https://sqs.eu-west-1.amazonaws.com/?Action=ListQueues"},
		{
			"curl: GET, 0 headers. An old",
			`curl https://sqs.eu-west-1.amazonaws.com/ -H 'Authorization: AWS4-HMAC-SHA256 Credential=x' -H 'X-Amz-Date: 20150830T123600Z'`,
		},
	} {
		p.paste("paste", form.text)
		p.wait(`document.querySelector("#read").innerText.includes(` + quote("Read as "+form.want) + `)`)
		p.click("#sign")
		p.wait(`document.querySelector("#scope").innerText.includes("in eu-west-1") && document.querySelector("#explanation").innerText !== ""`)
		p.do(`document.querySelector("#scope").textContent = ""`)
	}
	p.clean()
}

func TestWalk_BodyComesFromAFile(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	p.paste("paste", "PUT /in/a.bin HTTP/1.1\nHost: examplebucket.s3.eu-west-1.amazonaws.com")
	p.do(`const d = new DataTransfer();
		d.items.add(new File([new Uint8Array([255, 0, 13, 10])], "a.bin"));
		document.querySelector("#file").files = d.files`)
	p.sign()
	sum := sha256.Sum256([]byte{255, 0, 13, 10})
	if got := p.text("#lines li:last-child"); got != hex.EncodeToString(sum[:]) {
		t.Errorf("hash %s", got)
	}
	p.click(`[name=form][value=n8n]`)
	p.wait(`document.querySelector("#hint").innerText.includes("cannot hold the body")`)
	p.click(`[name=form][value=python]`)
	p.wait(`document.querySelector("#snippet").innerText.includes("/wANCg==")`)
	p.clean()
}

func TestWalk_TokenAndURLAreHiddenAtFirst(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	token := regexp.MustCompile(`characters, hidden`)
	if got := p.text("#headers"); !token.MatchString(got) {
		t.Errorf("headers: %s", got)
	}
	p.click("#headers button")
	if got := p.text("#headers"); token.MatchString(got) {
		t.Errorf("headers after Show: %s", got)
	}
	p.do(`document.querySelector("#place").value = "presign"`)
	p.click("#sign")
	p.wait(`document.querySelector("#lines").innerText.includes("X-Amz-Expires=900")`)
	if got := p.text("#headers"); strings.Contains(got, "X-Amz-Signature") || !token.MatchString(got) {
		t.Errorf("headers of a presigned URL: %s", got)
	}
	if eval[bool](p, `!document.querySelector("#sending").hidden`) {
		t.Error("sending is offered for a presigned URL")
	}
	p.clean()
}

func TestWalk_SignatureExpires(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	p.do(`const now = Date.now; Date.now = () => now() + 3600e3`)
	p.wait(`document.querySelector("#time").innerText.includes("AWS no longer accepts it")`)
	p.clean()
}

func TestWalk_CopyingWithoutAClipboardSelects(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	p.do(`navigator.clipboard.writeText = async () => { throw new Error("no"); }`)
	// A snippet that arrives late must not replace the text to copy.
	p.do(`const real = fetch; window.fetch = async (...a) => {
		const response = await real(...a);
		if (String(a[0].url ?? a[0]).includes("snippets")) await new Promise((done) => setTimeout(done, 300));
		window.late = (window.late ?? 0) + 1;
		return response;
	}`)
	p.do(`document.querySelector("[name=form][value=python]").click()`)
	p.click("[data-copy=ticket]")
	p.wait(`window.late`)
	time.Sleep(100 * time.Millisecond)
	p.wait(`getSelection().toString().includes("Canonical request:")`)
	for what, want := range map[string]string{
		"canonical": "x-amz-meta-source:web shop", "string": "aws4_request", "send": "Authorization", "ticket": "Canonical request:",
	} {
		p.click("[data-copy=" + what + "]")
		p.wait(`getSelection().toString().includes(` + quote(want) + `)`)
	}
	if got := p.text("#state"); !strings.Contains(got, "press Ctrl+C") {
		t.Errorf("state: %s", got)
	}
	p.clean()
}

func TestWalk_KeyIsKeptInTheTabOnRequest(t *testing.T) {
	t.Parallel()
	address, _ := service(t, "COUNTERSIGN_API_KEY_SHA256="+apiKeyHash())
	p := open(t, address+"/workbench")
	p.wait(`!document.querySelector("#access").hidden`)
	p.click("#keep")
	p.enter()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(address+"/workbench")); err != nil {
		t.Fatal(err)
	}
	p.ready()
	p.click("#forget")
	p.wait(`document.querySelector("#state").innerText.includes("requires a key")`)
	if kept := eval[int](p, "sessionStorage.length + localStorage.length"); kept != 0 {
		t.Errorf("%d entries are left", kept)
	}
	p.clean()
}

func TestWalk_UnreachableServiceIsReported(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	port := freePort(t)
	_, _, stop, err := launch(`"message":"listening`, []string{
		"COUNTERSIGN_AUTH=none", "COUNTERSIGN_WORKBENCH=true", "COUNTERSIGN_ADDRESS=127.0.0.1", "COUNTERSIGN_PORT=" + port,
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=EXAMPLESECRET",
	}, "serve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	p := open(t, "http://127.0.0.1:"+port+"/workbench").ready()
	p.paste("paste", "curl https://sqs.eu-west-1.amazonaws.com/")
	p.sign()
	stop()
	p.click("#sign")
	p.wait(`document.querySelector("#problem").innerText.includes("cannot be reached")`)
}

// In print everything is expanded and in one column, without buttons.
func TestWalk_PrintedPageIsComplete(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	p.click("#spoil")
	p.wait(`document.querySelector("#cause details")`)
	media := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	})
	if err := chromedp.Do(p.ctx, media); err != nil {
		t.Fatal(err)
	}
	if shown := eval[int](p, `[...document.querySelectorAll("button")].filter((b) => b.checkVisibility()).length`); shown != 0 {
		t.Errorf("%d buttons are printed", shown)
	}
	if !eval[bool](p, `((e) => e.checkVisibility({contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0)(
		document.querySelector("#cause details li"))`) {
		t.Error("details are closed in print")
	}
	if !eval[bool](p, `
		document.querySelector("#result").getBoundingClientRect().top >=
			document.querySelector("#request").getBoundingClientRect().bottom`) {
		t.Error("there are two columns in print")
	}
	p.clean()
}

// A mebibyte is read and signed. The time is logged but not checked, since the machine may be busy.
func TestSize_FromPasteToSteps(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	for _, size := range []int{1 << 10, 1<<20 - 200} {
		p.do(`document.querySelector("#explanation").textContent = ""`)
		milliseconds := eval[float64](p, `(async () => {
			const body = "Action=x&é=1 ".repeat(`+strconv.Itoa(size/14)+`);
			const text = "curl https://sqs.eu-west-1.amazonaws.com/ --data-raw '" + body + "'", begun = performance.now();
			const e = document.getElementById("paste");
			e.value = text;
			e.dispatchEvent(new Event("input"));
			document.getElementById("sign").click();
			while (document.getElementById("explanation").innerText === "") await new Promise((r) => setTimeout(r, 5));
			return performance.now() - begun;
		})()`)
		t.Logf("%d bytes: %.0f ms", size, milliseconds)
	}
	p.clean()
}

// Nothing on the page moves by itself: neither while it loads nor when responses arrive.
func TestSize_NothingMoves(t *testing.T) {
	t.Parallel()
	keyed, _ := service(t, "COUNTERSIGN_API_KEY_SHA256="+apiKeyHash())
	for _, width := range []int64{1280, 390} {
		for name, address := range map[string]string{"sandbox": sandbox(t) + "/workbench?example=sandbox", "key": keyed + "/workbench"} {
			p := open(t, "about:blank")
			p.emulate(width, 900, "light")
			if err := chromedp.Do(p.ctx, chromedp.Navigate(address)); err != nil {
				t.Fatal(err)
			}
			p.do(`window.moved = [];
				new PerformanceObserver((list) => {
					for (const e of list.getEntries()) {
						for (const s of e.sources) window.moved.push((s.node?.id || s.node?.nodeName) + " " + e.value);
					}
				}).observe({type: "layout-shift", buffered: true})`)
			if name == "sandbox" {
				p.ready()
				p.wait(`document.querySelector("#read").innerText.includes("Read as curl")`)
				p.click("#sign") // not with a key, since shifts after a key press are allowed
				p.wait(`document.querySelector("#explanation").innerText !== "" && document.querySelector("#snippet").innerText !== ""`)
			} else {
				p.wait(`!document.body.classList.contains("waiting")`)
			}
			moved := eval[[]string](p, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(window.moved))))`)
			if len(moved) > 0 {
				t.Errorf("%s, %d wide: %q", name, width, moved)
			}
		}
	}
}

// The command that opens a browser is given the address of the page.
func TestSandbox_OpensTheBrowser(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	dir := t.TempDir()
	const script = "#!/bin/sh\nprintf %s \"$1\" > \"$(dirname \"$0\")/part\" && mv \"$(dirname \"$0\")/part\" \"$(dirname \"$0\")/opened\"\n"
	// A process forked now would keep the script open for writing, and it could not be executed (ETXTBSY).
	syscall.ForkLock.RLock()
	err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	address, _, stop, err := launch("   http://", []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, "sandbox", "--open")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for range 1000 {
		if opened, err := os.ReadFile(filepath.Join(dir, "opened")); err == nil {
			if string(opened) != "http://"+address || !strings.HasSuffix(address, "/workbench?example=sandbox") {
				t.Errorf("%s was opened, want http://%s", opened, address)
			}
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Error("nothing was opened")
}
