package browser

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "`folder` for the documentation's pictures")

// TestPictures takes the documentation's pictures of the real page.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("pictures were not requested: make pictures")
	}
	p := open(t, sandbox(t)+"/workbench?example=sandbox").ready()
	p.emulate(1200, 820, "light")
	p.sign()
	take := func(name string) {
		t.Helper()
		eval[bool](p, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*pictures, name), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.click("#line-3 [data-piece='2']")
	take("workbench-lines.png")
	p.click("#spoil")
	p.wait(`document.querySelector("#cause").innerText.includes("For your workflow")`)
	p.click("#send-spoiled")
	p.wait(`document.querySelector("#sent").innerText.includes("For your workflow")`)
	p.do(`document.querySelector("#difference").scrollIntoView(), document.activeElement.blur()`)
	take("workbench-cause.png")
}
