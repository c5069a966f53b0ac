// Package snippets writes a request for other tools: as an action of a workflow,
// as a program of a few lines, or as a command.
//
// A snippet either asks Countersign to sign the request each time that it runs,
// with a key that it reads from a variable, or it holds the request as it is.
// The second is for a request that has its signature already: it works until the
// signature expires. Keys are in no snippet; a caller must not hand over a
// request that has some.
//
// What it promises: values are quoted so that they stay values, whatever they
// hold, and what a snippet sends is the request. Functions are pure.
package snippets

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Variable is the name of the variable that a snippet reads the key from.
const Variable = "COUNTERSIGN_KEY"

// Form is the tool that a snippet is for.
type Form string

// The forms.
const (
	LogicApps     Form = "logic-apps"
	PowerAutomate Form = "power-automate"
	N8N           Form = "n8n"
	Python        Form = "python"
	CSharp        Form = "csharp"
	PowerShell    Form = "powershell"
	JavaScript    Form = "javascript"
	CurlBash      Form = "curl-bash"
	CurlCmd       Form = "curl-cmd"
)

// Request is a request to write.
type Request struct {
	Method, URL string
	Headers     []Header
	Body        []byte // nil where there is none
	MediaType   string // of the body, where no header says it
	// Document is the request as POST /v1/sign takes it, as JSON, without output and bodyForm.
	Document []byte
}

// Header is a header to send.
type Header struct{ Name, Value string }

// Options say how a request is written.
type Options struct {
	// Service is the address of Countersign, without a slash at its end. Where it
	// is empty, the snippet sends the request as it is.
	Service string
	// Expressions keeps the expressions of the tool in the texts of the document:
	// @{…} of workflows, {{…}} of n8n. Otherwise they are texts.
	Expressions bool
}

// Snippet is a request as another tool takes it.
type Snippet struct {
	Text     string
	FileName string
	// Hint says how it is used.
	Hint string
}

type writer struct {
	fileName, hint  string
	signing, signed func(*Request, Options) string
}

var writers = map[Form]writer{
	LogicApps: {
		"workflow.json", "Paste it over what Code view of an empty Consumption logic app shows, and give the parameter COUNTERSIGN_KEY a value.",
		logicAppSigning, logicAppSigned,
	},
	PowerAutomate: {
		"scope.json", "Copy it, and choose My clipboard when you add an action. Set the variable COUNTERSIGN_KEY in a step before it.",
		scopeSigning, scopeSigned,
	},
	N8N:        {"workflow.json", "Paste it into an empty workflow. Set COUNTERSIGN_KEY in the environment of n8n.", n8nSigning, n8nSigned},
	Python:     {"request.py", "python3 request.py; it needs no package.", pythonSigning, pythonSigned},
	CSharp:     {"Program.cs", "dotnet run; C# 11 or later.", csharpSigning, csharpSigned},
	PowerShell: {"request.ps1", "PowerShell 5.1 or later.", powershellSigning, powershellSigned},
	JavaScript: {"request.mjs", "node request.mjs; Node.js 18 or later.", javascriptSigning, javascriptSigned},
	CurlBash:   {"request.sh", "sh request.sh; signing by Countersign needs jq.", shellSigning, shellSigned},
	CurlCmd: {
		"request.cmd", "For the prompt of Windows; in a batch file double each %. The call to Countersign answers with the request to send.",
		cmdSigning, cmdSigned,
	},
}

// Forms are all forms, sorted.
func Forms() []Form {
	forms := make([]Form, 0, len(writers))
	for form := range writers {
		forms = append(forms, form)
	}
	slices.Sort(forms)
	return forms
}

// ErrBody says that the form cannot hold the body: it is no text or, for a
// command of Windows, has carriage returns.
var ErrBody = errors.New("this form cannot hold this body")

// Write writes a request in a form, which must be one of [Forms].
func Write(form Form, r *Request, o Options) (Snippet, error) {
	w := writers[form]
	write := w.signing
	if o.Service == "" {
		write = w.signed
	}
	command := form == CurlCmd && o.Service == ""
	if !r.isText() && (form == N8N || command) || command && bytes.ContainsRune(r.Body, '\r') {
		return Snippet{}, ErrBody
	}
	return Snippet{Text: strings.TrimSpace(write(r, o)) + "\n", FileName: w.fileName, Hint: w.hint}, nil
}

// isText tells whether the body is written as a text.
func (r *Request) isText() bool {
	return utf8.Valid(r.Body) && !bytes.ContainsRune(r.Body, 0)
}

func (r *Request) has(name string) bool {
	return slices.ContainsFunc(r.Headers, func(h Header) bool { return strings.EqualFold(h.Name, name) })
}

// hostAndTarget divides a URL in the form in which it is sent.
func (r *Request) hostAndTarget() (secure bool, host, target string) {
	scheme, rest, _ := strings.Cut(r.URL, "://")
	host, target = rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	if strings.HasPrefix(target, "?") {
		target = "/" + target
	}
	return scheme != "http", host, target
}

// within is a JSON document in which the given characters, which can stand in
// texts only, are written as escapes, so that a literal of a language can hold
// the document as it is.
func within(document []byte, escapes ...string) string {
	return strings.NewReplacer(escapes...).Replace(string(document))
}
