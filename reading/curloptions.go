package reading

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// option is an option of curl.
type option struct {
	name     string
	argument bool
	passive  bool // it does not change the signed request
}

// Options that are read: the letter, the name, and = if an argument follows.
const curlActive = `X/request= H/header= d/data= /data-ascii= /data-raw= /data-binary= /data-urlencode= /json= G/get /url=
	/url-query= I/head u/user= A/user-agent= e/referer= b/cookie= /aws-sigv4= T/upload-file= F/form= /form-string=
	/oauth2-bearer= /compressed r/range= /request-target= /path-as-is g/globoff :/next /basic`

// Options that change the request in a way that is not read: they give an error rather than another request.
const curlRefused = `K/config= z/time-cond= C/continue-at= /variable= /anyauth /digest /negotiate /ntlm /ntlm-wb /tr-encoding
	/etag-compare= a/append Q/quote= /crlf n/netrc /netrc-optional /netrc-file= /proto-default= /preproxy=
	/upload-flags= /expand-url= /expand-data= /expand-header= /expand-json= B/use-ascii /mail-from=
	/mail-rcpt= t/telnet-option= l/list-only`

// Options without effect on what is signed.
//
//nolint:gosec // names of options, none of them a password
const curlPassive = `/abstract-unix-socket= /alt-svc= /cacert= /capath= E/cert= /cert-type= /ciphers= /connect-timeout=
	/connect-to= c/cookie-jar= /create-file-mode= /crlfile= /curves= /delegation= /dns-interface= /dns-ipv4-addr=
	/dns-ipv6-addr= /dns-servers= /doh-url= D/dump-header= /ech= /egd-file= /engine= /etag-save=
	/expect100-timeout= /ftp-account= /ftp-alternative-to-user= /ftp-method= P/ftp-port= /ftp-ssl-ccc-mode=
	/happy-eyeballs-timeout-ms= /haproxy-clientip= h/help= /hostpubmd5= /hostpubsha256= /hsts= /interface=
	/ip-tos= /ipfs-gateway= /keepalive-cnt= /keepalive-time= /key= /key-type= /krb= /libcurl= /limit-rate=
	/local-port= /login-options= /mail-auth= /max-filesize= /max-redirs= m/max-time= /noproxy= o/output=
	/output-dir= /parallel-max= /parallel-max-host= /pass= /pinnedpubkey= /proto= /proto-redir= /proxy-cacert=
	/proxy-capath= /proxy-cert= /proxy-cert-type= /proxy-ciphers= /proxy-crlfile= /proxy-header= /proxy-key=
	/proxy-key-type= /proxy-pass= /proxy-pinnedpubkey= /proxy-service-name= /proxy-tls13-ciphers=
	/proxy-tlsauthtype= /proxy-tlspassword= /proxy-tlsuser= U/proxy-user= /proxy1.0= x/proxy= /pubkey=
	/random-file= /rate= /resolve= /retry= /retry-delay= /retry-max-time= /sasl-authzid= /service-name=
	/signature-algorithms= /socks4= /socks4a= /socks5= /socks5-gssapi-service= /socks5-hostname= Y/speed-limit=
	y/speed-time= /stderr= /tftp-blksize= /tls-max= /tls13-ciphers= /tlsauthtype= /tlspassword= /tlsuser= /trace=
	/trace-ascii= /trace-config= /unix-socket= /vlan-priority= w/write-out= /cert-status /compressed-ssh
	/create-dirs q/disable /disable-eprt /disable-epsv /disallow-username-in-url /dump-ca-embed /doh-cert-status
	/doh-insecure f/fail /fail-early /fail-with-body /false-start /form-escape /ftp-create-dirs /ftp-pasv
	/ftp-pret /ftp-skip-pasv-ip /ftp-ssl-ccc /ftp-ssl-control /haproxy-protocol /http0.9 0/http1.0 /http1.1 /http2
	/http2-prior-knowledge /http3 /http3-only /ignore-content-length i/include /show-headers k/insecure 4/ipv4
	6/ipv6 j/junk-session-cookies L/location /location-trusted /mail-rcpt-allowfails M/manual /metalink /mptcp
	/alpn N/no-buffer /buffer /clobber /keepalive /npn /progress-meter /sessionid /parallel-immediate /post301
	/post302 /post303 #/progress-bar /proxy-anyauth /proxy-basic /proxy-digest /proxy-http2 /proxy-insecure
	/proxy-negotiate /proxy-ntlm /proxy-ssl-allow-beast /proxy-ssl-auto-client-cert /proxy-tlsv1 /proxy-ca-native
	/ca-native p/proxytunnel /raw J/remote-header-name O/remote-name /remote-name-all R/remote-time
	/remove-on-error /retry-all-errors /retry-connrefused /sasl-ir S/show-error s/silent /skip-existing
	/socks5-basic /socks5-gssapi /socks5-gssapi-nec /ssl /ssl-allow-beast /ssl-auto-client-cert /ssl-no-revoke
	/ssl-reqd /ssl-revoke-best-effort 2/sslv2 3/sslv3 /styled-output /suppress-connect-headers /tcp-fastopen
	/tcp-nodelay /tftp-no-options 1/tlsv1 /tlsv1.0 /tlsv1.1 /tlsv1.2 /tlsv1.3 /tls-earlydata /trace-ids
	/trace-time v/verbose V/version /xattr Z/parallel /out-null /follow /knownhosts= /sigalgs= /ssl-sessions=`

// curlTable holds the options by name and by letter.
type curlTable struct {
	long  map[string]*option
	short map[byte]*option
}

var curlKnown = sync.OnceValue(func() curlTable {
	table := curlTable{map[string]*option{}, map[byte]*option{}}
	for passive, list := range map[bool]string{false: curlActive + " " + curlRefused, true: curlPassive} {
		for entry := range strings.FieldsSeq(list) {
			letter, name, _ := strings.Cut(entry, "/")
			o := &option{strings.TrimSuffix(name, "="), strings.HasSuffix(name, "="), passive}
			table.long[o.name] = o
			if letter != "" {
				table.short[letter[0]] = o
			}
		}
	}
	return table
})

// CurlOptions returns the long names of curl's options.
func CurlOptions() []string { return slices.Sorted(maps.Keys(curlKnown().long)) }

// longOption finds an option by its name. The prefix no- turns a switch off.
func longOption(name string) (o *option, off bool) {
	if o := curlKnown().long[name]; o != nil {
		return o, false
	}
	if bare, ok := strings.CutPrefix(name, "no-"); ok {
		if o := curlKnown().long[bare]; o != nil && !o.argument {
			return o, true
		}
	}
	return nil, false
}

// curl is one request of a curl command while its options are read.
type curl struct {
	r    *reader
	form Form

	method, user, agent, referer, sigv4, bearer, byteRange, target Value
	uploaded, upload, dataAt, headAt, getAt, jsonAt, compressed    Value
	sigv4At                                                        Value
	headers, urls, cookies                                         []Value
	data, query                                                    builder
	hasData, noData, noAgent, globOff, asIs, multipart, hasQuery   bool
}

// curlOptions reads the words after the command name, and calls done for each request.
func (r *reader) curlOptions(words []Value, form Form, done func(*curl)) {
	c := &curl{r: r, form: form}
	onlyURLs := false
	for i := 0; i < len(words); i++ {
		word := words[i]
		text := word.Text()
		switch {
		case isTypographicDash(text):
			r.note("typographic_dash", word.Span(), true)
		case onlyURLs || text == "" || text[0] != '-' || text == "-":
			c.urls = append(c.urls, word)
		case text == "--":
			onlyURLs = true
		case strings.HasPrefix(text, "--"):
			name, value := optionAndValue(word)
			o, off := longOption(name.Text()[2:])
			if o != nil && !o.argument && value.in != nil {
				o = nil
			}
			argument, ok := c.argument(o, name, value, words, &i)
			if ok && !off {
				c = c.take(o, argument, name, done)
			}
		default:
			for at := 1; at < len(text); at++ {
				o := curlKnown().short[text[at]]
				letter := word.Slice(at, at+1)
				argument, ok := c.argument(o, letter, word.from(at+1), words, &i)
				if !ok {
					break
				}
				c = c.take(o, argument, letter, done)
				if o.argument {
					break
				}
			}
		}
	}
	done(c)
}

// optionAndValue splits --name=value, which curl accepts from version 8.16 on.
func optionAndValue(word Value) (name, value Value) {
	if i := strings.IndexByte(word.Text(), '='); i >= 0 {
		return word.Slice(0, i), word.from(i + 1)
	}
	return word, Value{}
}

// isTypographicDash reports whether an editor or a web page has turned the hyphens of an option into a dash.
func isTypographicDash(text string) bool {
	for _, dash := range []string{"–", "—", "−"} {
		if rest, ok := strings.CutPrefix(text, dash); ok && rest != "" {
			return true
		}
	}
	return false
}

// argument returns the argument of an option: the rest of its word, or the next word.
func (c *curl) argument(o *option, at, rest Value, words []Value, i *int) (Value, bool) {
	switch {
	case o == nil:
		c.r.note("option_unknown", at.Span(), true)
		return Value{}, false
	case !o.argument:
		return Value{}, true
	case rest.Len() > 0 || at.Len() > 1 && rest.in != nil: // the value after --name= may be empty
		return rest, true
	case *i+1 >= len(words):
		c.r.note("argument_missing", at.Span(), true)
		c.r.out.Cut = true
		return Value{}, false
	}
	*i++
	return words[*i], true
}

// take applies one option.
func (c *curl) take(o *option, v, at Value, done func(*curl)) *curl {
	if o.passive {
		if c.r.passive != nil {
			c.r.passive(o.name)
		}
		return c
	}
	switch o.name {
	case "request":
		c.method = v
	case "header":
		if len(c.headers) >= maxHeaders {
			c.r.note("too_many_headers", at.Span(), true)
			return c
		}
		c.addHeader(v)
	case "data", "data-ascii", "data-binary", "data-raw":
		c.addData(o.name, v, at)
	case "data-urlencode":
		c.addEncoded(v, at)
	case "json":
		c.addJSON(v, at)
	case "get":
		c.getAt = at
	case "head":
		c.headAt = at
	case "url":
		c.urls = append(c.urls, v)
	case "url-query":
		c.addQuery(v, at)
	case "user":
		c.user = v
		if c.r.login != nil {
			c.r.login(v.Text())
		}
	case "user-agent":
		c.agent, c.noAgent = v, v.Len() == 0
	case "referer":
		c.referer = v
	case "cookie":
		c.addCookie(v, at)
	case "aws-sigv4":
		c.sigv4, c.sigv4At = v, at
	case "upload-file":
		c.uploaded, c.upload = join(at, v), v
	case "form", "form-string":
		c.multipart = true
		c.r.noteMultipart(at.Span())
	default:
		return c.takeRest(o, v, at, done)
	}
	return c
}

func (c *curl) takeRest(o *option, v, at Value, done func(*curl)) *curl {
	switch o.name {
	case "oauth2-bearer":
		c.bearer = v
	case "compressed":
		c.compressed = at
	case "range":
		c.byteRange = v
	case "request-target":
		c.target = v
		if !strings.HasPrefix(v.Text(), "/") {
			c.r.note("option_not_read", at.Span(), true)
		}
	case "path-as-is":
		c.asIs = true
	case "globoff":
		c.globOff = true
	case "basic":
	case "next":
		done(c)
		return &curl{r: c.r, form: c.form}
	default:
		c.r.note("option_not_read", at.Span(), true)
	}
	return c
}
