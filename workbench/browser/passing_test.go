package browser

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// sdkScope is the placeholder signature of an SDK, from which countersign proxy reads where a request goes. Pages can
// write it, too.
const sdkScope = "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00"

// everyPath are requests to countersign proxy, which forwards every path.
var everyPath = []string{"GET /?Action=DeleteQueue&Version=2012-11-05", "POST /", "GET /prod"}

// countersign proxy signs for every program on this machine, but for no page of another origin, and for none under a
// foreign name that resolves to it.
func TestOrigin_ForeignPagesGetNothingFromTheProxyCommand(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	for name, mode := range map[string]struct{ key, rebound string }{
		"one upstream":              {"", "host_unknown"},
		"one upstream, keys":        {apiKey, "unauthenticated"},
		"the upstream of the scope": {"", "host_not_sendable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var arrived atomic.Int64
			aws := "127.0.0.1:" + serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
				arrived.Add(1)
				w.WriteHeader(http.StatusBadGateway) // to CONNECT
			})
			port := freePort(t)
			args := []string{"proxy", "--port", port}
			environment := []string{
				"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
				"HTTPS_PROXY=http://" + aws,
			}
			if strings.HasPrefix(name, "one upstream") {
				args = append(args, "--upstream", "http://"+aws, "--service", "execute-api", "--region", "eu-west-1")
			}
			if mode.key != "" {
				environment = append(environment, "COUNTERSIGN_API_KEY_SHA256="+apiKeyHash())
			}
			_, printed, stop, err := launch(`"message":"listening`, environment, args...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			address, rebound := "http://127.0.0.1:"+port, "http://evil.test:"+port
			attack(open(t, foreignPage(t)), address, everyPath)
			attack(open(t, rebound), rebound, everyPath)
			if n, lines := arrived.Load(), permitted(printed()); n+int64(len(lines)) > 0 {
				t.Errorf("%d requests arrived: %q", n, lines)
			}
			for _, code := range []string{"cross_origin", mode.rebound} {
				if !strings.Contains(printed(), `"err_code":"`+code+`"`) {
					t.Errorf("nothing was refused with %s: %s", code, printed())
				}
			}
			// A page of the proxy's own origin has its requests sent, so that this test can fail.
			own := open(t, address)
			arrived.Store(0)
			eval[int](own, `fetch("/prod", {headers: {Authorization: `+quote(sdkScope)+`, "X-API-Key": `+quote(mode.key)+`}}).then((r) => r.status)`)
			if arrived.Load() == 0 {
				t.Errorf("nothing is sent for the proxy's own page either: %s", printed())
			}
		})
	}
}
