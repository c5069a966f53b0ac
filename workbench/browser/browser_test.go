package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	program string          // countersign
	browser context.Context // nil if there is none
	missing string          // why there is no browser
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "countersign-browser")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "countersign")
	build := exec.Command("go", "build", "-ldflags=-s", "-o", program, ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building countersign: %v\n%s", err, out)
		return 1
	}
	path := os.Getenv("CHROME")
	for _, name := range []string{"chromium-headless-shell", "chromium", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		missing = "no Chromium: apt-get install chromium-headless-shell, or set CHROME"
		return m.Run()
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.ExecPath(path),
		chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"),
		chromedp.Flag("renderer-process-limit", "3")) // starting a process for each page takes a quarter of the time
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "starting the browser:", err)
		return 1
	}
	browser = ctx
	defer func() { stopSandbox() }()
	return m.Run()
}

func needBrowser(t *testing.T) {
	t.Helper()
	if browser != nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// launch runs countersign. It returns the address that is printed after the given text, and a function that returns
// what has been printed so far.
func launch(before string, environment []string, args ...string) (address string, printed func() string, stop func(), err error) {
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), environment...)
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, nil, err
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		return "", nil, nil, err
	}
	stop = func() { _ = c.Process.Kill(); _ = c.Wait() }
	var lock sync.Mutex
	var text strings.Builder
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			lock.Lock()
			fmt.Fprintln(&text, lines.Text())
			lock.Unlock()
			if _, rest, ok := strings.Cut(lines.Text(), before); ok {
				rest, _, _ = strings.Cut(rest, `"`)
				select {
				case found <- strings.TrimSpace(rest):
				default:
				}
			}
		}
	}()
	printed = func() string {
		lock.Lock()
		defer lock.Unlock()
		return text.String()
	}
	select {
	case address = <-found:
		return address, printed, stop, nil
	case <-time.After(30 * time.Second):
		stop()
		return "", nil, nil, fmt.Errorf("countersign does not start:\n%s", printed())
	}
}

var (
	stopSandbox   = func() {}
	sharedSandbox = sync.OnceValues(func() (string, error) {
		address, _, stop, err := launch("   http://", nil, "sandbox")
		if err != nil {
			return "", err
		}
		stopSandbox = stop
		address, ok := strings.CutSuffix(address, "/workbench?example=sandbox")
		if !ok {
			return "", fmt.Errorf("the sandbox prints the address %q", address)
		}
		return "http://" + address, nil
	})
)

// sandbox returns the address of the sandbox that the tests share.
func sandbox(t *testing.T) string {
	t.Helper()
	needBrowser(t)
	address, err := sharedSandbox()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

const apiKey = "EXAMPLE-key-CANARY1-that-opens-nothing"

// service runs countersign serve with the workbench.
func service(t *testing.T, more ...string) (address string, printed func() string) {
	t.Helper()
	needBrowser(t)
	environment := append([]string{
		"COUNTERSIGN_WORKBENCH=true", "COUNTERSIGN_ADDRESS=127.0.0.1", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AWS_SESSION_TOKEN=CANARY2sessiontoken",
	}, more...)
	port := freePort(t)
	_, printed, stop, err := launch(`"message":"listening`, append(environment, "COUNTERSIGN_PORT="+port), "serve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return "http://127.0.0.1:" + port, printed
}

// tab is a page in the browser, with everything that went wrong on it.
type tab struct {
	*testing.T
	ctx    context.Context
	lock   sync.Mutex
	faults []string
	asked  []string // addresses
}

func open(t *testing.T, address string) *tab {
	t.Helper()
	needBrowser(t)
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(stop)
	p := &tab{T: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	enable := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, target, cdplog.Enable, cdp.Empty{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})
	if err := chromedp.Do(ctx, enable, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.keepPicture()
		}
	})
	return p
}

func (p *tab) listen(event any) {
	p.lock.Lock()
	defer p.lock.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		p.faults = append(p.faults, "exception: "+text)
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			p.faults = append(p.faults, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, e.Request.URL)
	}
}

// keepPicture saves a picture of the page if the test failed.
func (p *tab) keepPicture() {
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(90))
	name := filepath.Join(os.TempDir(), strings.ReplaceAll(p.Name(), "/", "-")+".png")
	if err == nil && os.WriteFile(name, picture, 0o600) == nil {
		p.Log("picture:", name)
	}
}

// eval returns the value of an expression.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// do runs statements in the page.
func (p *tab) do(statements string) {
	p.Helper()
	eval[bool](p, "(() => { "+statements+"; return true; })()")
}

// wait waits until an expression is true, also across a navigation. The page itself polls.
func (p *tab) wait(expression string) {
	p.Helper()
	looking := `new Promise((done, fail) => {
		let looks = 0;
		const look = () => {
			try {
				if (` + expression + `) done(true);
				else if (++looks > 100) done(false);
				else setTimeout(look, 5);
			} catch (error) { fail(error); }
		};
		look();
	})`
	for range 60 {
		is, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](looking, chromedp.EvalAwaitPromise))
		if err != nil && !strings.Contains(err.Error(), "Inspected target navigated") {
			p.Fatalf("%s: %v", expression, err)
		}
		if is {
			return
		}
	}
	p.Fatalf("%s stays false. The page says:\n%s", expression, p.text("body"))
}

// faulty waits until the browser has reported an expected error.
func (p *tab) faulty(text string) {
	p.Helper()
	for range 1000 {
		p.lock.Lock()
		told := slices.ContainsFunc(p.faults, func(f string) bool { return strings.Contains(f, text) })
		p.lock.Unlock()
		if told {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.Errorf("the browser does not say %s; it says %q", text, p.faults)
}

func (p *tab) text(selector string) string {
	p.Helper()
	return eval[string](p, "document.querySelector("+quote(selector)+")?.innerText ?? ''")
}

func quote(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func (p *tab) click(selector string) {
	p.Helper()
	eval[bool](p, "(document.querySelector("+quote(selector)+").click(), true)")
}

// keys presses keys, holding the modifier of a chord.
func (p *tab) keys(keys string, options ...chromedp.KeyOption) {
	p.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(keys, options...)); err != nil {
		p.Fatal(err)
	}
}

// insert inserts text at the caret, as pasting does.
func (p *tab) insert(text string) {
	p.Helper()
	err := chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
	if err != nil {
		p.Fatal(err)
	}
}

// paste replaces the text of a field.
func (p *tab) paste(id, text string) {
	p.Helper()
	p.do(`const e = document.getElementById(` + quote(id) + `); e.focus(); e.select()`)
	p.insert(text)
}

// enter gives the key to a page that requires it.
func (p *tab) enter() {
	p.Helper()
	p.wait(`!document.querySelector("#access").hidden`)
	p.paste("key", apiKey)
	p.keys(kb.Enter)
	p.ready()
}

// ready waits until the page knows its settings and profiles.
func (p *tab) ready() *tab {
	p.Helper()
	p.wait(`document.querySelector("#profile").options.length > 0`)
	return p
}

// sign signs the paste with the keyboard shortcut.
func (p *tab) sign() {
	p.Helper()
	p.wait(`document.querySelector("#read").innerText.includes("Read as")`)
	p.keys("\r", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	p.wait(`!document.querySelector("#signed").hidden`)
}

// marked returns the marked text of the paste.
func (p *tab) marked() string {
	p.Helper()
	return eval[string](p, `[...(CSS.highlights.get("source") ?? [])].map((r) => r.toString()).join("|")`)
}

// clean fails if the page did something that it must not do.
func (p *tab) clean() {
	p.Helper()
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, f := range p.faults {
		p.Error(f)
	}
	origin := ""
	for _, address := range p.asked {
		parts := strings.SplitAfterN(address, "/", 4)
		if len(parts) < 4 || strings.HasPrefix(address, "data:") {
			p.Errorf("%s was asked for", address)
			continue
		}
		here := strings.Join(parts[:3], "")
		if origin == "" {
			origin = here
		}
		if here != origin {
			p.Errorf("%s was asked for, from a page of %s", address, origin)
		}
	}
}

// serveOn serves on a port of its own until the test ends.
func serveOn(t *testing.T, handler http.HandlerFunc) (port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	go server.Serve(listener) //nolint:errcheck // stopped at the end of the test
	t.Cleanup(func() { _ = server.Close() })
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port
}
