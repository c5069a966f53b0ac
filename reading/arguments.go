package reading

import "strings"

// CurlArguments are the words of a curl command, as split by a shell.
type CurlArguments struct {
	Words []string // after the program name
	// File returns the content of the file that @name refers to. If it is nil or returns false, the content is
	// unknown, as in a paste.
	File func(name string) ([]byte, bool)
	// Login, if not nil, receives the argument of -u, which the reading does not keep.
	Login func(text string)
	// Passive, if not nil, receives the long name of each option that does not change the signed request, though it
	// may change where the request is sent.
	Passive func(name string)
}

// TakesNext reports whether a word of a curl command takes the next word as its argument.
func TakesNext(word string) bool {
	if name, long := strings.CutPrefix(word, "--"); long {
		o, off := longOption(name)
		return o != nil && o.argument && !off
	}
	if len(word) < 2 || word[0] != '-' {
		return false
	}
	for i := 1; i < len(word); i++ {
		if o := curlKnown().short[word[i]]; o == nil || o.argument {
			return o != nil && i == len(word)-1
		}
	}
	return false
}

// ReadCurlArguments reads the requests that curl would send for its arguments. Spans refer to the words joined with
// line feeds. The arguments are the caller's own: their length is not bounded, and they are not searched for secrets.
func ReadCurlArguments(a CurlArguments) Reading {
	text := strings.Join(a.Words, "\n")
	r := &reader{file: a.File, login: a.Login, passive: a.Passive, decoded: -4 * len(text)} // bodies are copied once for each URL
	r.paste = Value{&layer{text: text}, 0, len(text)}
	r.out.paste = r.paste
	r.loose = &gatherer{r: r}
	words := make([]Value, len(a.Words))
	at := 0
	for i, word := range a.Words {
		words[i] = r.paste.Slice(at, at+len(word))
		at += len(word) + 1
	}
	r.curlOptions(words, FormCurlBash, (*curl).finish)
	return r.out
}

// content returns the content of a file, if the caller provides it.
func (c *curl) content(name string) (string, bool) {
	if c.r.file == nil {
		return "", false
	}
	data, ok := c.r.file(name)
	c.r.decoded -= 4 * len(data)
	return string(data), ok
}

// withoutLineEnds removes from a file's content what -d removes.
var withoutLineEnds = strings.NewReplacer("\r", "", "\n", "", "\x00", "")

// formEscape encodes text as encodeForm does.
func formEscape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if text[i] == ' ' {
			b.WriteByte('+')
		} else {
			b.WriteString(percentEncode(text[i : i+1]))
		}
	}
	return b.String()
}

// uploadedBody returns the file of -T as the body.
func (c *curl) uploadedBody() Body {
	name := c.upload.Text()
	if name == "." {
		name = "-" // also standard input: curl only reads it in another way
	}
	text, ok := c.content(name)
	if !ok {
		return Body{State: BodyUnknown}
	}
	return bodyOf(derived(text, c.upload), true)
}

// addHeader adds the header of -H, or the headers in a file.
func (c *curl) addHeader(v Value) {
	if name, isFile := strings.CutPrefix(v.Text(), "@"); isFile {
		if text, ok := c.content(name); ok {
			for line := range strings.Lines(text) {
				c.headers = append(c.headers, derived(strings.TrimRight(line, "\r\n"), v))
			}
			return
		}
	}
	c.headers = append(c.headers, v)
}

// withFileName appends the file name of -T to a URL that ends with a slash or has no path, as curl does.
func (c *curl) withFileName(u Value) Value {
	name := c.upload.Text()
	if c.r.file == nil || name == "" {
		return u
	}
	text := u.Text()
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		if strings.HasSuffix(text[:i], "/") {
			c.r.note("option_not_read", c.uploaded.Span(), true) // some versions of curl add the name here, others do not
		}
		return u
	}
	if name == "-" || name == "." {
		return u
	}
	if scheme := strings.Index(text, "://"); scheme >= 0 {
		text = text[scheme+len("://"):]
	}
	slash := strings.LastIndexByte(text, '/')
	if slash >= 0 && slash < len(text)-1 {
		return u
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	if slash < 0 {
		name = "/" + name
	}
	return join(u, derived(strings.ReplaceAll(percentEncode(name), "%2F", "/"), c.upload))
}
