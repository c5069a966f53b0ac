package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/broker"
	"countersign/credentials"
	"countersign/problem"
	"countersign/reading"
	"countersign/signing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// curlRequest is a request on the command line in curl's syntax, mixed with our own flags.
type curlRequest struct {
	profile, service, region, config string
	explain                          bool

	flags []string // the names of our flags
	words []string // curl's
	login string   // the argument of curl's -u; with --aws-sigv4, the keys
	// passive are curl options that change nothing about the signed request.
	passive []string

	from   string         // a file that holds the request, instead of words
	choice int            // which request of the file
	signed bool           // keep the signature of the request in the file
	keeps  []reading.Form // forms whose expressions may stay in the request

	unread string // a file that is streamed when it is sent, and is not part of the input
}

const curlHelp = `
The request is given as for curl: -X, -H, -d, --data-raw, --data-binary, --data-urlencode, --json, -G,
--url-query, -T, -I, -A, -e, -b and -r mean what they mean to curl. --aws-sigv4 gives region and
service, and with it -u gives the keys to sign with. Options that change nothing about what is signed, such
as -s, -v, -L or --max-time, are ignored; others are errors.`

// curlCommand makes a command that takes a request as people write it for curl. If the command has a flag of the same
// name as curl, its own flag wins.
func curlCommand(name, short, without string, r *curlRequest, run func() error) *cobra.Command {
	c := &cobra.Command{
		Use: name + " [CURL ARGUMENTS]", Short: short, Long: short + "\n" + curlHelp + "\n\n" + without,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if err := r.parse(c, args); err != nil {
				return usageError{err}
			}
			if help, _ := c.Flags().GetBool("help"); help {
				return c.Help()
			}
			return run()
		},
	}
	f := c.Flags()
	f.StringVar(&r.from, "from", "", "`FILE` to read the request from; - is standard input. It may hold a curl command, raw HTTP, fetch(), "+
		"Postman, a HAR, a Logic Apps or Power Automate action, an n8n node, or a document as the API takes it.")
	f.IntVar(&r.choice, "choice", unchosen, "`NUMBER` of the request, if FILE holds several; counted from 0.")
	f.StringVar(&r.profile, "profile", "", "`NAME` of the profile. Without a configuration file, one in ~/.aws.")
	f.StringVar(&r.service, "service", "", "Signing `NAME` of the service. Default: from the URL.")
	f.StringVar(&r.region, "region", "", "`REGION` to sign for. Default: from the URL.")
	addConfig(c, &r.config)
	_ = c.MarkFlagFilename("config", "yaml", "yml")
	_ = c.MarkFlagFilename("from")
	f.Lookup("choice").DefValue = "0" // so the help shows no default
	return c
}

// parse divides the arguments into our own flags and curl's words.
func (r *curlRequest) parse(c *cobra.Command, args []string) error {
	var own []string
	c.InitDefaultHelpFlag()
	c.Flags().VisitAll(func(f *pflag.Flag) { r.flags = append(r.flags, f.Name) })
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "--" {
			r.words = append(r.words, args[i:]...)
			break
		}
		if f := ownFlag(c.Flags(), word); f != nil && !isCurlOutput(f, args[i:]) {
			own = append(own, word)
			if f.NoOptDefVal == "" && !strings.Contains(word, "=") && i+1 < len(args) {
				i++
				own = append(own, args[i])
			}
			continue
		}
		r.words = append(r.words, word)
		if reading.TakesNext(word) && i+1 < len(args) {
			i++
			r.words = append(r.words, args[i])
		}
	}
	if err := c.Flags().Parse(own); err != nil {
		return c.FlagErrorFunc()(c, err)
	}
	return nil
}

// isCurlOutput reports whether -o is curl's, with a file name, and not ours, with the name of a form. Nothing is
// downloaded, so curl's has no effect.
func isCurlOutput(f *pflag.Flag, args []string) bool {
	return f.Name == "output" && len(args) > 1 && !strings.Contains(args[0], "=") && strings.ContainsAny(args[1], "./")
}

// ownFlag returns the flag that a whole word names: --name, --name=value or -n.
func ownFlag(flags *pflag.FlagSet, word string) *pflag.Flag {
	if name, long := strings.CutPrefix(word, "--"); long {
		name, _, _ = strings.Cut(name, "=")
		return flags.Lookup(name)
	}
	if len(word) == 2 && word[0] == '-' && word[1] != '-' {
		return flags.ShorthandLookup(word[1:])
	}
	return nil
}

// input returns the request that curl would send.
func (r *curlRequest) input(p *process) (*broker.Input, error) {
	var unread error
	r.login, r.passive = "", nil
	read := reading.ReadCurlArguments(reading.CurlArguments{
		Words: r.words,
		File: func(name string) ([]byte, bool) {
			if name == r.unread && name != "" {
				return nil, true
			}
			data, err := p.readFile(name)
			unread = errors.Join(unread, err)
			return data, err == nil
		},
		Login:   func(text string) { r.login = text },
		Passive: func(name string) { r.passive = append(r.passive, name) },
	})
	if unread != nil {
		return nil, usageError{unread}
	}
	text := strings.Join(r.words, "\n")
	if err := noteErrors(read, text, r.flags); err != nil {
		return nil, usageError{err}
	}
	for _, n := range read.Notes {
		if !n.Error && n.Code != "secret_dropped" && n.Code != "encodings_assumed" {
			fmt.Fprintf(p.stderr, "warning: %s%s\n", optionAt(text, n.Span), n.Text)
		}
	}
	if len(read.Exchanges) != 1 {
		return nil, usageError{fmt.Errorf("curl would send %d requests; only one can be signed at a time", len(read.Exchanges))}
	}
	return r.inputOf(read.Exchanges[0].Request)
}

// inputOf returns a request that was read, with what the flags add to it.
func (r *curlRequest) inputOf(q *reading.Request) (*broker.Input, error) {
	in := &broker.Input{
		Method: q.Method.Text(), URL: q.URL.Text(), Service: r.service, Region: r.region, Explain: r.explain,
	}
	if in.Service == "" {
		in.Service = q.Service.Text()
	}
	if in.Region == "" {
		in.Region = q.Region.Text()
	}
	for _, h := range q.Headers {
		name := h.Name.Text()
		switch {
		case isLogin(h):
			return nil, usageError{errLogin}
		case h.Implied && (strings.EqualFold(name, "accept-encoding") || strings.EqualFold(name, "accept") && h.Value.Text() == "*/*"):
			continue // the program that sends the request sets its own
		}
		in.Headers = append(in.Headers, signing.Header{Name: name, Value: h.Value.Text()})
	}
	var err error
	in.Credentials, err = r.keys(in)
	setBody(in, []byte(q.Body.Content.Text()))
	return in, err
}

// errLogin refuses a login in -u, --oauth2-bearer or the URL.
var errLogin = errors.New("-u, --oauth2-bearer, or a login in the URL: the signature is the login; " +
	"leave the other one out, or add --aws-sigv4 aws:amz:REGION:SERVICE to sign with the keys of -u")

// isLogin reports whether h is the Authorization header that curl makes from a login.
func isLogin(h reading.Header) bool {
	return h.Implied && strings.EqualFold(h.Name.Text(), "authorization")
}

func setBody(in *broker.Input, data []byte) {
	if len(data) == 0 {
		return
	}
	body := broker.Body{Present: true, Bytes: data, MediaType: broker.MediaBinary}
	if utf8.Valid(data) {
		body.Text, body.MediaType = true, broker.MediaText
	}
	in.Body = func() (broker.Body, error) { return body, nil }
}

// keys returns the keys in -u with --aws-sigv4, and the session token, which curl takes as a header.
func (r *curlRequest) keys(in *broker.Input) (*credentials.RequestCredentials, error) {
	if r.login == "" {
		return nil, nil
	}
	id, secret, ok := strings.Cut(r.login, ":")
	if !ok || secret == "" {
		return nil, usageError{errors.New("-u: must be ACCESS-KEY-ID:SECRET-ACCESS-KEY with --aws-sigv4")}
	}
	keys := &credentials.RequestCredentials{AccessKeyID: id, SecretAccessKey: secret}
	for i, h := range in.Headers {
		if strings.EqualFold(h.Name, "x-amz-security-token") {
			keys.SessionToken = h.Value
			in.Headers = append(in.Headers[:i:i], in.Headers[i+1:]...)
			break
		}
	}
	return keys, nil
}

// noteErrors joins the notes that mean that the request is not the one that curl would send. They repeat no words but
// option names. own are the names of our flags, which may be misspelt, too.
func noteErrors(read reading.Reading, text string, own []string) error {
	var faults []error
	var seen []string
	for _, n := range read.Notes {
		fault := optionAt(text, n.Span) + n.Text
		if strings.HasPrefix(n.Code, "url_") {
			fault = "URL: " + n.Text
		}
		if n.Code == "option_unknown" {
			fault += suggestion(optionName(text, n.Span), own)
		}
		if n.Error && !slices.Contains(seen, fault) {
			seen = append(seen, fault)
			faults = append(faults, errors.New(fault))
		}
	}
	return errors.Join(faults...)
}

// optionAt returns the name of the option at a place, followed by a colon.
func optionAt(text string, at reading.Span) string {
	if name := optionName(text, at); name != "" {
		return name + ": "
	}
	return ""
}

// optionName returns the option at a place: a word, or one letter of a word.
func optionName(text string, at reading.Span) string {
	word, _, _ := strings.Cut(text[at.Start:at.End], "\n")
	letter := len(word) == 1 && at.Start > 0 && text[strings.LastIndexByte(text[:at.Start], '\n')+1] == '-'
	switch {
	case letter:
		return "-" + word
	case strings.HasPrefix(word, "-"):
		return word
	}
	return ""
}

// suggestion names the option that a misspelt one was most likely meant to be.
func suggestion(name string, own []string) string {
	bare, long := strings.CutPrefix(name, "--")
	if !long {
		return ""
	}
	if meant := problem.Nearest(bare, slices.Concat(own, reading.CurlOptions())); meant != "" {
		return " Did you mean --" + meant + "?"
	}
	return ""
}

// readFile reads a file, or standard input if its name is "-".
func (p *process) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(p.stdin)
	}
	return os.ReadFile(name)
}
