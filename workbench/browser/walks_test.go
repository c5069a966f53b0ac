package browser

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// From the example to the gateway's response, in the steps of a new user.
func TestWalk_ExampleIsSignedSentAndCopied(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	if got := p.text("#scope"); !strings.Contains(got, "execute-api in eu-west-1. The request gives service and region.") {
		t.Errorf("scope: %q", got)
	}
	if got := p.text("#time"); !strings.Contains(got, "Valid for ") {
		t.Errorf("time: %q", got)
	}
	p.click("#line-3 [data-piece='2']")
	if got := p.marked(); got != "note=a+b" {
		t.Errorf("marked %q for the piece of the query", got)
	}
	if got := p.text("#explanation"); !strings.Contains(got, "From the URL: note=a+b.") || !strings.Contains(got, "A + is a space.") {
		t.Errorf("explanation: %q", got)
	}
	p.click("#send")
	p.wait(`document.querySelector("#sent").innerText.startsWith("200")`)
	if got := p.text("#sent pre"); !strings.Contains(got, `"service": "execute-api"`) {
		t.Errorf("response: %q", got)
	}
	p.wait(`document.querySelector("#snippet").innerText.includes("COUNTERSIGN_KEY")`)
	for _, form := range []string{"power-automate", "n8n", "python", "csharp", "powershell", "javascript", "curl-bash", "curl-cmd"} {
		p.click(`[name=form][value="` + form + `"]`)
		p.wait(`document.querySelector("#snippet").innerText.includes("COUNTERSIGN_KEY")`)
	}
	p.click(`[name=which][value=signed]`)
	p.wait(`document.querySelector("#snippet").innerText.includes("Signature=")`)
	p.clean()
}

// A signature is not sent once the request has been changed.
func TestWalk_ChangedRequestMustBeSignedAgain(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	changes := map[string]func(){
		"the paste": func() {
			p.do(`const e = document.querySelector("#paste"); e.focus(); e.setSelectionRange(0, 0)`)
			p.insert(" ")
		},
		"an option": func() {
			p.do(`document.querySelector("#options").open = true; document.querySelector("#method").focus()`)
			p.insert("PUT")
		},
	}
	for what, change := range changes {
		change()
		if got := p.text("#time"); !strings.Contains(got, "request has changed") || !eval[bool](p, `document.querySelector("#send").disabled`) {
			t.Errorf("%s changed, and the page says %q", what, got)
		}
		p.keys("\r", chromedp.KeyModifiers(chromedp.ModifierCtrl))
		p.wait(`!document.querySelector("#send").disabled && document.querySelector("#time").innerText.startsWith("Valid for")`)
	}
	p.clean()
}

func TestWalk_WithoutScriptThePageSaysSo(t *testing.T) {
	t.Parallel()
	p := open(t, "about:blank")
	disable := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
	if err := chromedp.Do(p.ctx, disable, chromedp.Navigate(sandbox(t)+"/workbench")); err != nil {
		t.Fatal(err)
	}
	if got := p.text("body"); !strings.Contains(got, "needs JavaScript") || strings.Contains(got, "Ctrl+Enter") {
		t.Errorf("the page says %q", got)
	}
}

func TestWalk_RecipeIsReadAndSigned(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	p.click("#recipes summary")
	p.wait(`document.querySelectorAll("#recipes button").length === 14`)
	p.click("#recipes button")
	p.wait(`document.querySelector("#read").innerText.includes("Read as")`)
	p.clean()
}

func TestWalk_FindsTheCauseOfAChangedByte(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.sign()
	p.click("#spoil")
	p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
	if got := p.text("#cause"); !strings.Contains(got, "The value of note changed") || !strings.Contains(got, "You signed") {
		t.Errorf("cause: %q", got)
	}
	p.paste("answer", "{\"message\":\"Signature expired: 20150830T123600Z is now earlier than 20150830T124500Z (20150830T125000Z - 5 min.)\"}")
	p.click("#diagnose")
	p.wait(`document.querySelector("#cause").innerText.includes("clock")`)
	p.clean()
}

// With the keyboard alone: lines, pieces, and back.
func TestWalk_KeyboardAlone(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	for eval[string](p, "document.activeElement.id") != "paste" {
		p.keys(kb.Tab)
	}
	p.insert("curl ^\"https://sqs.eu-west-1.amazonaws.com/?b=2^&a=1+x^\" ^\r\n  -H ^\"X-Amz-Target:  Foo  bar^\"")
	p.sign()
	for eval[string](p, "document.activeElement.id") != "line-1" {
		p.keys(kb.Tab)
	}
	p.keys(kb.ArrowDown)
	p.keys(kb.ArrowDown)
	if got := p.text("[aria-selected=true]"); got != "a=1%20x&b=2" {
		t.Fatalf("line %q is selected", got)
	}
	p.keys(kb.ArrowRight)
	if got := p.marked(); got != "a=1+x" {
		t.Errorf("marked %q", got)
	}
	p.keys(kb.Escape)
	if got := p.marked(); got != "" {
		t.Errorf("marked %q after Escape", got)
	}
	p.keys(kb.End)
	if got := p.text("#explanation"); !strings.Contains(got, "hash of the body") {
		t.Errorf("explanation: %q", got)
	}
	p.keys(kb.Tab)
	if got := eval[string](p, "document.activeElement.id"); strings.HasPrefix(got, "line-") {
		t.Errorf("Tab stays within the lines, at %s", got)
	}
	p.clean()
}

func TestWalk_CaretLeadsToTheLine(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	const text = "curl 'https://sqs.eu-west-1.amazonaws.com/a/ü?x=é&y=2' --data-raw 日本"
	p.paste("paste", text)
	p.sign()
	for place, want := range map[string]string{"x=é": "x=%C3%A9&y=2", "y=2": "x=%C3%A9&y=2", "/ü": "/a/%25C3%25BC"} {
		p.do(`const e = document.querySelector("#paste"), i = e.value.indexOf(` + quote(place) + `) + 1; e.focus(); e.setSelectionRange(i, i)`)
		p.wait(`document.querySelector("[aria-selected=true]")?.innerText === ` + quote(want))
		if got := p.marked(); got != place {
			t.Errorf("marked %q, want %q", got, place)
		}
	}
	p.clean()
}

// The signature uses the values, the workflow keeps the expressions.
func TestWalk_PlaceholdersAreFilledAndKept(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	p.paste(
		"paste",
		`{"type":"Http","inputs":{"method":"POST","uri":"https://abc.execute-api.eu-west-1.amazonaws.com/prod/@{variables('id')}/x?b=2",`+
			`"headers":{"X-Amz-Meta-Tenant":"@{variables('id')}"},"body":{"order":"@{triggerBody()?['id']}"}}}`,
	)
	p.wait(`document.querySelectorAll("#placeholders input").length === 2`)
	p.paste("paste", eval[string](p, `document.querySelector("#paste").value`)) // the values given must not be lost
	eval[bool](p, `[...document.querySelectorAll("#placeholders input")].map((e, i) => e.value = ["forty two", "7"][i]).length > 0`)
	p.sign()
	if got := p.text("#line-2"); got != "/prod/forty%2520two/x" {
		t.Errorf("path %q", got)
	}
	p.click("#line-2 [data-piece='2']")
	if got := p.marked(); got != "/x" {
		t.Errorf("marked %q behind the placeholder", got)
	}
	p.click("#line-2 [data-piece='1']")
	if got := p.marked(); got != "/@{variables('id')}" {
		t.Errorf("marked %q for the placeholder", got)
	}
	p.wait(`document.querySelector("#snippet").innerText.includes("COUNTERSIGN_KEY")`)
	if got := p.text("#snippet"); !strings.Contains(got, "@{variables('id')}") || strings.Contains(got, "forty") {
		t.Errorf("the snippet for the workflow has the values:\n%s", got)
	}
	p.click(`[name=form][value=python]`)
	p.wait(`document.querySelector("#snippet").innerText.includes("forty two")`)
	p.clean()
}

func TestWalk_ErrorsHavePositions(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	p.click("#sign")
	p.wait(`document.querySelector("#problem").innerText.includes("no request to sign")`)
	p.paste("paste", "curl https://sqs.eu-west-1.amazonaws.com/ \\\n  --nothing-known")
	p.wait(`document.querySelector("#read").innerText.includes("Line 2, column 3")`)
	p.click("#read button")
	if got := p.marked(); got != "--nothing-known" {
		t.Errorf("marked %q", got)
	}
	p.paste("paste", `curl 'https://sqs.eu-west-1.amazonaws.com/a\b'`)
	p.wait(`document.querySelector("#read").innerText.includes("Read as curl")`)
	p.click("#sign")
	p.wait(`document.querySelector("#problem").innerText.includes("backslash")`)
	p.click("#problem button")
	if got := p.marked(); got != `https://sqs.eu-west-1.amazonaws.com/a\b` {
		t.Errorf("marked %q", got)
	}
	p.paste("paste", "hello")
	p.wait(`document.querySelector("#read").innerText.includes("No request was found")`)
	p.clean()
}

func TestWalk_OptionsChangeWhatIsSigned(t *testing.T) {
	t.Parallel()
	p := open(t, sandbox(t)+"/workbench").ready()
	p.paste(
		"paste",
		"curl https://a.example/1\ncurl -X PUT https://b.s3.eu-west-1.amazonaws.com/k -H 'X-Tenant: t' -H 'Accept: */*' --data-raw 'a\nb'",
	)
	p.wait(`!document.querySelector("#choices").hidden`)
	eval[bool](
		p,
		`(() => { const s = document.querySelector("#choice"); s.value = "1"; s.dispatchEvent(new Event("change")); return true; })()`,
	)
	p.wait(`document.querySelector("#read").innerText.includes("PUT")`)
	p.sign()
	if got := p.text("#not-signed"); !strings.Contains(got, "Accept") || !strings.Contains(got, "X-Tenant") {
		t.Errorf("not signed: %q", got)
	}
	hash := p.text("#lines li:last-child")
	p.do(`document.querySelector("#line-ends").value = "crlf", document.querySelector("#signed-headers").value = "x-tenant"`)
	p.click("#sign")
	p.wait(`document.querySelector("#lines").innerText.includes("x-tenant:t")`)
	if got := p.text("#lines li:last-child"); got == hash {
		t.Error("the line endings of the body have no effect")
	}
	p.do(`document.querySelector("#place").value = "presign", document.querySelector("#expires").value = "60"`)
	p.click("#sign")
	p.wait(`document.querySelector("#lines").innerText.includes("X-Amz-Expires=60")`)
	p.clean()
}

func TestWalk_KeyIsRequiredAndForgotten(t *testing.T) {
	t.Parallel()
	address, _ := service(t, "COUNTERSIGN_API_KEY_SHA256="+apiKeyHash())
	p := open(t, address+"/workbench")
	p.wait(`!document.querySelector("#access").hidden`)
	p.paste("key", "wrong")
	p.keys(kb.Enter)
	p.wait(`document.querySelector("#state").innerText.includes("key")`)
	p.enter()
	p.paste("paste", "curl https://sqs.eu-west-1.amazonaws.com/")
	p.sign()
	if eval[bool](p, `!document.querySelector("#sending").hidden`) {
		t.Error("sending is offered although it is not allowed")
	}
	p.click("#forget")
	p.wait(`document.querySelector("#state").innerText.includes("requires a key")`)
	p.clean()
}

func TestWalk_ExamplesOfTheContractOpen(t *testing.T) {
	t.Parallel()
	address := sandbox(t)
	p := open(t, address+"/workbench?example=SignRequest.apiGateway").ready()
	p.wait(`document.querySelector("#read").innerText.includes("Read as a JSON document: POST")`)
	for _, button := range []string{"SQS", "S3 upload", "API Gateway", "DynamoDB"} {
		p.do(`[...document.querySelectorAll("#examples button")].find((b) => b.innerText === ` + quote(button) + `).click()`)
		p.wait(`document.querySelector("#read").innerText.includes("Read as")`)
		p.click("#sign")
		p.wait(`document.querySelector("#scope").innerText.includes("in eu-west-1")`)
	}
	p.clean()
	q := open(t, address+"/")
	if got := eval[string](q, "location.pathname"); got != "/workbench" {
		t.Errorf("a browser at / is at %s", got)
	}
}
