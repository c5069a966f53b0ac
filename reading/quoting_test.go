package reading

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// randomWord returns an argument made of characters that matter for quoting.
func randomWord(r *rand.Rand) string {
	alphabet := []string{
		"a", "b", "Z", "0", " ", "  ", "'", `"`, `\`, "$", "`", "!", "#", "&", "|", ";", "<", ">", "(", ")", "{", "}", "[", "]", "*",
		"?", "~", "=", "%", "^", "\t", "\n", "ü", "€", "😀", "\r", ",", "@", "\\n", "$(x)", "${y}", "$z",
	}
	var b strings.Builder
	for range 1 + r.IntN(12) {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func wordsOf(values []Value) []string {
	var words []string
	for _, v := range values {
		words = append(words, v.Text())
	}
	return words
}

// 10,000 arguments in random quoting: what is read is what was quoted, and what bash itself reads.
func TestBashWords_RandomQuotings(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	var script strings.Builder
	var want []string
	for range 2500 {
		line := "curl"
		words := []string{"curl"}
		for range 4 {
			arg := randomWord(r)
			words = append(words, arg)
			line += " " + quoteBash(r, arg)
		}
		reader := newReader(line + "\n")
		values, length := reader.bashWords(reader.paste)
		if got := wordsOf(values); !slices.Equal(got, words) || length != len(line)+1 {
			t.Fatalf("%s\nread %q (%d of %d bytes)\nwant %q", line, got, length, len(line)+1, words)
		}
		for _, v := range values {
			for _, s := range v.Spans() {
				if s.End > len(line) {
					t.Fatalf("%s: span %v", line, s)
				}
			}
		}
		want = append(want, words[1:]...)
		script.WriteString("printf '%s\\0' " + strings.TrimPrefix(line, "curl ") + "\n")
	}
	if _, err := exec.LookPath("bash"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no bash on this machine; CI must compare the quoting with it")
		}
		t.Skip("NOT CHECKED against bash: this machine has none")
	}
	cmd := exec.Command("bash")
	cmd.Env = []string{"LC_ALL=C.UTF-8", "PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(script.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, want) {
		for i := range got {
			if i >= len(want) || got[i] != want[i] {
				t.Fatalf("bash reads argument %d as %q, want %q", i, got[i], want[i])
			}
		}
		t.Fatalf("bash reads %d arguments, want %d", len(got), len(want))
	}
}

func TestCmdWords_RandomQuotings(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 10_000 {
		words := []string{"curl"}
		line := "curl"
		for range 1 + r.IntN(4) {
			arg := strings.NewReplacer("\n", "", "\r", "", "%", "").Replace(randomWord(r))
			words = append(words, arg)
			line += " "
			for _, c := range quoteC(arg) {
				if strings.ContainsRune(`"\&|<>^%!{}()`, c) || r.IntN(6) == 0 {
					line += "^"
				}
				line += string(c)
			}
		}
		reader := newReader(line)
		values, _ := reader.cmdWords(reader.paste)
		if got := wordsOf(values); !slices.Equal(got, words) {
			t.Fatalf("%s\nread %q\nwant %q", line, got, words)
		}
	}
}

func TestPowerShellWords_RandomQuotings(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 10_000 {
		words := []string{"curl.exe"}
		line := "curl.exe"
		for range 1 + r.IntN(4) {
			arg := strings.ReplaceAll(randomWord(r), `\`, "/")
			words = append(words, arg)
			line += " " + quotePowerShell(r, arg)
		}
		reader := newReader(line)
		values, _ := reader.powerShellWords(reader.paste)
		if got := wordsOf(values); !slices.Equal(got, words) {
			t.Fatalf("%s\nread %q\nwant %q", line, got, words)
		}
	}
}

func TestBashWords_PlaceholdersStayAsWritten(t *testing.T) {
	line := `curl "https://h.example/$ID?x=${X:-1}" -H "Authorization: Bearer $(cat token)" -d "a=$((1+2))" -H 'X: $NOT'` + " -H X-T:`date`"
	r := Read(line)
	var got []string
	for _, p := range r.Request().Placeholders {
		got = append(got, p.Field+" "+p.Text.Text())
	}
	want := []string{"/url $ID", "/url ${X:-1}", "/headerList/1/value $(cat token)", "/body $((1+2))", "/headerList/3/value `date`"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if u := r.Request().URL.Text(); u != "https://h.example/$ID?x=${X:-1}" {
		t.Errorf("URL %q", u)
	}
}

func TestCurl_RefusesUnknownOptions(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	const letters = "abcdefghijklmnopqrstuvwxyz-0123456789"
	for range 2000 {
		var name strings.Builder
		for range 2 + r.IntN(12) {
			name.WriteByte(letters[r.IntN(26)])
		}
		if o, _ := longOption(name.String()); o != nil {
			continue
		}
		line := "curl --" + name.String() + " https://h.example/"
		found := Read(line)
		if !slices.ContainsFunc(found.Notes, func(n Note) bool {
			return n.Error && n.Code == "option_unknown" && line[n.Span.Start:n.Span.End] == "--"+name.String()
		}) {
			t.Fatalf("%s was not refused: %v", line, found.Notes)
		}
	}
	for c := byte('!'); c < 0x7f; c++ {
		if curlKnown().short[c] != nil || strings.IndexByte("\"'\\`&|;<>()-$#*?[~!", c) >= 0 {
			continue
		}
		line := "curl -" + string(c) + " https://h.example/"
		if found := Read(line); !slices.ContainsFunc(found.Notes, func(n Note) bool { return n.Error && n.Code == "option_unknown" }) {
			t.Errorf("%s was not refused", line)
		}
	}
}

func TestCurl_Notes(t *testing.T) {
	for line, code := range map[string]string{
		"curl https://h.example/a?b=1&c=2":                          "bare_ampersand",
		"curl https://h.example/a | jq .":                           "pipe",
		"curl https://h.example/a -d @- <<EOF\nx\nEOF":              "redirect",
		"curl 'https://h.example/{a,b}'":                            "url_pattern",
		"curl 'https://h.example/[1-3]'":                            "url_pattern",
		"curl -F a=1 https://h.example/":                            "multipart",
		"curl -d @body.json https://h.example/":                     "body_in_file",
		"curl -K curl.cfg https://h.example/":                       "option_not_read",
		"curl --digest -u a:b https://h.example/":                   "option_not_read",
		"curl 'https://h.example/":                                  "command_not_read",
		"curl -H 'A: 1'":                                            "url_missing",
		"curl https://h.example/ -d":                                "argument_missing",
		"curl -u AKIA:secret --aws-sigv4 aws:amz:r:s https://h.e/":  "secret_dropped",
		"curl --compressed https://h.example/":                      "encodings_assumed",
		"curl " + strings.Repeat("$(", 5000) + " https://h.example": "command_not_read",
	} {
		r := Read(line)
		if !slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Code == code }) {
			t.Errorf("%.80s: notes %v, want %s", line, r.Notes, code)
		}
	}
}

func TestCurl_NextSeparatesRequests(t *testing.T) {
	r := Read("curl -H 'A: 1' https://h.example/1 --next -X PUT -d x https://h.example/2 https://h.example/3")
	var got []string
	for _, e := range r.Exchanges {
		got = append(got, e.Request.Method.Text()+" "+e.Request.URL.Text())
	}
	if want := []string{"GET https://h.example/1", "PUT https://h.example/2", "PUT https://h.example/3"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestCurl_ScopeOfAWSSigV4(t *testing.T) {
	r := Read("curl --aws-sigv4 'aws:amz:eu-west-1:execute-api' -u 'AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' " +
		"https://h.example/")
	q := r.Request()
	if q.Region.Text() != "eu-west-1" || q.Service.Text() != "execute-api" || q.AccessKeyID.Text() != "AKIAIOSFODNN7EXAMPLE" {
		t.Errorf("region %q, service %q, key %q", q.Region.Text(), q.Service.Text(), q.AccessKeyID.Text())
	}
	if _, ok := q.Header("Authorization"); ok {
		t.Error("the key was read as a login")
	}
}

func TestCurl_ShellIsInferredFromQuoting(t *testing.T) {
	for line, want := range map[string]Form{
		`curl "https://h.example/" ^` + "\n -d a":             FormCurlCmd,
		`curl "https://h.example/"^` + "\n -d a":              FormCurlCmd,
		`curl ^"https://h.example/^" -d ^"it's^"`:             FormCurlCmd,
		`C:\x>curl https://h.example/`:                        FormCurlCmd,
		`curl.exe https://h.example/`:                         FormCurlCmd,
		`curl.exe 'https://h.example/'`:                       FormCurlPowerShell,
		"curl.exe https://h.example/ `\n -d a":                FormCurlPowerShell,
		`PS C:\x> curl.exe https://h.example/`:                FormCurlPowerShell,
		`curl 'https://h.example/' -d '^"'`:                   FormCurlBash,
		`curl https://h.example/ -A 'a ^"b' `:                 FormCurlBash,
		`curl https://h.example/ --data-binary "^` + "\n\"":   FormCurlBash,
		`curl https://h.example/ -d \=\^`:                     FormCurlBash,
		"curl https://h.example/ -d \\`":                      FormCurlBash,
		`user@host:~/dir$ curl https://h.example/`:            FormCurlBash,
		`time curl https://h.example/`:                        FormCurlBash,
		`/usr/bin/curl https://h.example/`:                    FormCurlBash,
		`curl -H "Authorization: $(aws x)" https://h.example`: FormCurlBash,
	} {
		r := Read(line)
		q := r.Request()
		if q == nil || q.Form != want || !strings.HasPrefix(q.URL.Text(), "https://h.example") {
			t.Errorf("%s: read as %+v, want %s", line, q, want)
		}
	}
}
