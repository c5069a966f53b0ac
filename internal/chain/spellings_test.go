//go:build linux && amd64

package chain_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/logicapps"
)

// spellings tries many ways to write an address: the address that .NET sends must be the one that was signed, or the
// signer must have refused it.
func (c *chain) spellings(t *testing.T) {
	const gateway, bucket = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "https://examplebucket.s3.eu-west-1.amazonaws.com"
	refused, sent := 0, 0
	for _, target := range []string{
		"", "/", "?", "/?", "//", "/a//b/", "/a/./b/../c", "/a/%2e%2E/b", "/..", "/a/.%2e/", "/a%2Fb", "/a%2fb", "/a%5Cb", "/%7Euser",
		"/%41%2D%5f", "/%c3%bc", "/%2541", "/%61/%2e./%62", "/ü", "/日本",
		"/a b", "/a%20b", "/a+b", "/a%2Bb", "/it's(1)!*;,=:@$&+", "/[x]|^`{}\"<>", "/%25", "/%2541", "/a%00b", "/%E4", "/%zz", "/a;b=c", "/~._-",
		"/?a=b", "/?a", "/?a=", "/?a=b&a=a", "/?b=1&a=2", "/?a=%7e", "/?a=%2f/", "/?a=+", "/?a=%2B", "/?a=ü", "/?a=b c", "/?a=b&&c=d",
		"/?a=[x]'(1)*!$;", "/?a=b;c=d",
		"/?a=b=c", "/?ä=ö", "/?a=%E4", "/?a=%00", "/?%61=%62", "/?a=https://x/y?z", "/?A=1&a=2&Aa=3", "/#f", "/a\\b", "/a\tb",
		"/" + strings.Repeat("ü/", 500), "/?a=" + strings.Repeat("%2f", 1000),
	} {
		for _, template := range []string{"sign-then-call.json", "presigned-upload.json"} {
			for _, origin := range []string{gateway, bucket, strings.ToUpper(gateway[:30]) + gateway[30:] + ":443"} {
				if template == "presigned-upload.json" && origin != bucket {
					continue
				}
				w := c.open(t, template)
				edit(t, w, logicapps.Object{{Name: "method", Value: "PUT"}, {Name: "url", Value: origin + target}}, "Request", "inputs")
				run := c.run(t, w)
				var problem struct{ Code string }
				call := run.Of("Call_AWS")[0]
				asked := append(run.Of("Sign"), run.Of("Presign")...)[0].Calls[0]
				if err := json.Unmarshal(asked.ResponseBody, &problem); err != nil {
					t.Fatal(err)
				}
				switch {
				case asked.Status == http.StatusBadRequest && problem.Code == "url_invalid":
					refused++
				case run.Status == logicapps.Succeeded:
					sent++
				default:
					t.Errorf("%s, %s: %v, signer: %d %s; sent: %v", template, origin+target, call.Err, asked.Status, asked.ResponseBody, urls(call))
				}
			}
		}
	}
	t.Logf("%d addresses were refused, %d accepted by AWS", refused, sent)
	if refused == 0 || sent < 100 {
		t.Errorf("%d addresses were refused, %d accepted: is the test the same?", refused, sent)
	}
}

func urls(a *logicapps.Action) (list []string) {
	for _, c := range a.Calls {
		list = append(list, c.Method+" "+c.URL+" "+string(c.ResponseBody))
	}
	return list
}
