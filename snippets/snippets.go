// Package snippets writes a request for other tools: as a workflow action, a short program, or a
// command.
//
// A snippet either asks Countersign to sign the request each time it runs, with a key that it reads
// from a variable, or contains the request as it is. The latter is for a request that is already
// signed: it works until the signature expires. Snippets never contain keys; the caller must not
// pass a request that contains any.
//
// Values are quoted so that they stay values, whatever they contain, and a snippet sends exactly
// the request. Functions are pure.
package snippets

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Variable is the name of the variable from which a snippet reads the key.
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
	Body        []byte // nil if there is none
	MediaType   string // of the body, if no header gives it
	// Document is the JSON request for POST /v1/sign, without output and bodyForm.
	Document []byte
}

// Header is a header to send.
type Header struct{ Name, Value string }

// Options control how a request is written.
type Options struct {
	// Service is the address of Countersign, without a trailing slash. If empty, the snippet sends
	// the request as it is.
	Service string
	// Expressions keeps the tool's expressions in the texts of the document: @{…} of workflows,
	// {{…}} of n8n. Otherwise they are literal text.
	Expressions bool
}

// Snippet is a request in the form of another tool.
type Snippet struct {
	Text     string
	FileName string
	// Hint tells people how to use it.
	Hint string
}

type writer struct {
	fileName, hint  string
	signing, signed func(*Request, Options) string
}

var writers = map[Form]writer{
	LogicApps: {
		"workflow.json",
		"Paste it into the Code view of an empty Consumption logic app, replacing what is there. Give the parameter COUNTERSIGN_KEY a value.",
		logicAppSigning, logicAppSigned,
	},
	PowerAutomate: {
		"scope.json", "Copy it, and choose My clipboard when you add an action. Set the variable COUNTERSIGN_KEY in an earlier step.",
		scopeSigning, scopeSigned,
	},
	N8N:        {"workflow.json", "Paste it into an empty workflow. Set COUNTERSIGN_KEY in n8n's environment.", n8nSigning, n8nSigned},
	Python:     {"request.py", "python3 request.py; needs no packages.", pythonSigning, pythonSigned},
	CSharp:     {"Program.cs", "dotnet run; C# 11 or later.", csharpSigning, csharpSigned},
	PowerShell: {"request.ps1", "PowerShell 5.1 or later.", powershellSigning, powershellSigned},
	JavaScript: {"request.mjs", "node request.mjs; Node.js 18 or later.", javascriptSigning, javascriptSigned},
	CurlBash:   {"request.sh", "sh request.sh; needs jq if Countersign signs.", shellSigning, shellSigned},
	CurlCmd: {
		"request.cmd", "For the Windows command prompt; in a batch file, double each %. The call to Countersign returns the request to send.",
		cmdSigning, cmdSigned,
	},
}

// Forms returns all forms, sorted.
func Forms() []Form {
	forms := make([]Form, 0, len(writers))
	for form := range writers {
		forms = append(forms, form)
	}
	slices.Sort(forms)
	return forms
}

// ErrBody reports that the form cannot contain the body: it is not text or, for a Windows command,
// contains carriage returns.
var ErrBody = errors.New("this form cannot hold this body")

// Write writes a request in a form, which must be one of those that [Forms] returns.
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

// isText reports whether the body can be written as text.
func (r *Request) isText() bool {
	return utf8.Valid(r.Body) && !bytes.ContainsRune(r.Body, 0)
}

func (r *Request) has(name string) bool {
	return slices.ContainsFunc(r.Headers, func(h Header) bool { return strings.EqualFold(h.Name, name) })
}

// hostAndTarget splits the URL, which is in the form in which it is sent.
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

// within returns a JSON document in which the given characters, which occur only in strings, are
// replaced by escapes, so that a literal of a language can contain the document unchanged.
func within(document []byte, escapes ...string) string {
	return strings.NewReplacer(escapes...).Replace(string(document))
}
