package reading

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// reader is the state of one reading.
type reader struct {
	paste    Value
	out      Reading
	loose    *gatherer // what refusals outside of responses say
	nodes    int
	decoded  int
	wasted   int // bytes read as a document that were not one
	spans    []Secret
	commands int    // command lines read
	shell    Form   // of the previous command
	marks    []Span // what a shell would expand
	file     func(name string) ([]byte, bool)
	login    func(text string)
	passive  func(name string)

	traceScheme string // of the latest request in a curl trace
}

func newReader(text string) *reader {
	r := &reader{}
	r.paste = Value{&layer{text: text}, 0, min(len(text), MaxText)}
	r.out.paste = r.paste
	r.loose = &gatherer{r: r}
	return r
}

func (r *reader) note(code string, at Span, isError bool) {
	if len(r.out.Notes) >= maxNotes {
		return
	}
	n := Note{code, noteTexts[code], at, isError}
	if !slices.Contains(r.out.Notes, n) {
		r.out.Notes = append(r.out.Notes, n)
	}
}

// spend counts decoded bytes, and reports whether more may be decoded.
func (r *reader) spend(n int, at Value) bool {
	if r.decoded+n > maxDecoded {
		r.note("too_much_to_decode", at.Span(), false)
		return false
	}
	r.decoded += n
	return true
}

// add appends exchanges. A response without a request joins the request before it.
func (r *reader) add(list ...Exchange) {
	for _, e := range list {
		if n := len(r.out.Exchanges); n > 0 && joins(&r.out.Exchanges[n-1], &e) {
			merge(&r.out.Exchanges[n-1], &e)
			continue
		}
		if len(r.out.Exchanges) >= maxExchanges {
			r.note("too_many_requests", Span{}, true)
			return
		}
		r.out.Exchanges = append(r.out.Exchanges, e)
	}
}

func joins(request, response *Exchange) bool {
	return request.Request != nil && request.Response == nil && request.Refusal == nil && response.Request == nil
}

func merge(request, response *Exchange) {
	request.Response, request.Refusal = response.Response, response.Refusal
	if request.Request == nil {
		request.Request = response.Request
	}
}

func (r *reader) part(form Form, tool string, at Value) {
	if at.Len() > 0 && len(r.out.Parts) < 2*maxExchanges {
		r.out.Parts = append(r.out.Parts, Part{form, tool, at.Span()})
	}
}

// finish assigns the refusal that no response holds to an exchange, and sorts the secrets.
func (r *reader) finish() {
	if refusal := r.loose.refusal(); refusal != nil {
		e := Exchange{Form: FormText, Refusal: refusal}
		placed := false
		for i := range r.out.Exchanges {
			if have := r.out.Exchanges[i].Refusal; have != nil && (have.Code.Len() > 0 || have.Message.Len() > 0) {
				placed = true // the response itself is the better source
			}
		}
		if !placed {
			r.attach(e)
		}
	}
	for i := range r.out.Exchanges {
		if q := r.out.Exchanges[i].Request; q != nil {
			r.secretsOf(q.Headers)
		}
		if resp := r.out.Exchanges[i].Response; resp != nil {
			r.secretsOf(resp.Headers)
		}
	}
	r.findSecrets(r.paste)
	r.noteShortened()
	r.out.Secrets = mergeSecrets(r.spans)
	if r.out.Cut {
		r.note("cut", Span{}, false)
	}
}

// noteShortened looks for the marks that people put where they removed text.
func (r *reader) noteShortened() {
	text := r.paste.Text()
	for _, mark := range []string{"[...]", "[…]", "(truncated", "[truncated", "<snip>", "[REDACTED", "[redacted", "*****"} {
		if i := strings.Index(text, mark); i >= 0 {
			r.out.Cut = true
			r.note("shortened", Span{i, i + len(mark)}, false)
		}
	}
}

// attach assigns a refusal to the last exchange that has none.
func (r *reader) attach(e Exchange) {
	for i := len(r.out.Exchanges) - 1; i >= 0; i-- {
		last := &r.out.Exchanges[i]
		if last.Refusal == nil || last.Refusal.Code.Len() == 0 && last.Refusal.Message.Len() == 0 {
			e.Refusal.complete(last)
			last.Refusal = e.Refusal
			return
		}
	}
	r.out.Exchanges = append(r.out.Exchanges, e)
}

// complete takes from the response what the text of the refusal does not say.
func (f *Refusal) complete(e *Exchange) {
	if e.Response != nil && f.Status == 0 {
		f.Status = e.Response.Status
	}
	if e.Refusal == nil {
		return
	}
	set(&f.RequestID, e.Refusal.RequestID)
	set(&f.HostID, e.Refusal.HostID)
	set(&f.ServerTime, e.Refusal.ServerTime)
	f.Fields = append(f.Fields, e.Refusal.Fields...)
}

// fromBase64 decodes base64 in either alphabet, with or without padding and line feeds. Truncated text is decoded as
// far as possible.
func (r *reader) fromBase64(v Value) (Value, bool) {
	text := strings.Map(func(c rune) rune {
		switch c {
		case ' ', '\n', '\r', '\t', '=':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return c
	}, v.Text())
	whole := len(text)%4 != 1
	text = text[:len(text)-len(text)%4+tail(len(text)%4)]
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || !r.spend(len(decoded), v) {
		return Value{}, false
	}
	if !whole {
		r.out.Cut = true
	}
	made := derived(string(decoded), v)
	r.findSecrets(made)
	return made, true
}

func tail(rest int) int {
	if rest == 1 {
		return 0
	}
	return rest
}

// fromHex decodes hexadecimal with blanks between the bytes, as S3 writes it.
func (r *reader) fromHex(v Value) (Value, bool) {
	text := v.Text()
	var digits []byte
	for i := range len(text) {
		if strings.IndexByte(" \n\r\t", text[i]) < 0 {
			digits = append(digits, text[i])
		}
	}
	decoded := make([]byte, len(digits)/2)
	n, err := hex.Decode(decoded, digits[:len(digits)/2*2])
	if err != nil || n == 0 || !r.spend(8*n, v) {
		return Value{}, false
	}
	var b builder
	pos := 0
	for i := range decoded {
		for strings.IndexByte(" \n\r\t", text[pos]) >= 0 {
			pos++
		}
		start, seen := pos, 0
		for seen < 2 {
			if strings.IndexByte(" \n\r\t", text[pos]) < 0 {
				seen++
			}
			pos++
		}
		b.decode(string(decoded[i:i+1]), v.Slice(start, pos))
	}
	made := b.value()
	r.findSecrets(made)
	return made, true
}
