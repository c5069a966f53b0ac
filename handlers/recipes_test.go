package handlers_test

import (
	"bytes"
	"context"
	"crypto/md5" // part of SQS's responses
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/connector"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/internal/logicapps"
	"countersign/sandbox"
	"countersign/signing"
)

var recipesOnce = sync.OnceValues(func() ([]connector.Recipe, error) { return connector.Recipes(api.OpenAPI) })

func recipes(t *testing.T) []connector.Recipe {
	t.Helper()
	list, err := recipesOnce()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// services respond to the recipes, once the sandbox has verified the request: in the form of each service, from what
// arrived.
var services = map[string]struct {
	service, region string
	response        func(r *http.Request, body string) (media, response string, header []string)
	result          string // the workflow's Result
}{
	"apiGateway": {"execute-api", "eu-west-1", jsonResponse(`{"order":1042,"accepted":true}`), `{"order":1042,"accepted":true}`},
	"sqsSend": {"sqs", "eu-west-1", func(_ *http.Request, body string) (string, string, []string) {
		form, _ := url.ParseQuery(body)
		sum := md5.Sum([]byte(form.Get("MessageBody")))
		return "text/xml", `<SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><SendMessageResult><MD5OfMessageBody>` +
			hex.EncodeToString(sum[:]) +
			`</MD5OfMessageBody><MessageId>5fea7756-0ea4-451a-a703-a558b933e274</MessageId></SendMessageResult></SendMessageResponse>`, nil
	}, "5fea7756-0ea4-451a-a703-a558b933e274"},
	"snsPublish": {"sns", "eu-west-1", func(_ *http.Request, body string) (string, string, []string) {
		form, _ := url.ParseQuery(body)
		return "text/xml", `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>` +
			form.Get("Action") + "-" + form.Get("TopicArn")[strings.LastIndex(form.Get("TopicArn"), ":")+1:] +
			`</MessageId></PublishResult></PublishResponse>`, nil
	}, "Publish-orders"},
	"lambdaInvoke": {"lambda", "eu-west-1", func(_ *http.Request, body string) (string, string, []string) {
		return "application/json", body, []string{"X-Amz-Executed-Version", "$LATEST"}
	}, `{"note":"Grüße","order":1042}`},
	"s3Put": {"s3", "eu-west-1", func(*http.Request, string) (string, string, []string) {
		return "", "", []string{"ETag", `"9b2cf535f27731c974343645a3985328"`}
	}, `"9b2cf535f27731c974343645a3985328"`},
	"file": {"s3", "eu-west-1", func(*http.Request, string) (string, string, []string) {
		return "image/png", "\x89PNG\r\n\x1a\n", nil
	}, `{"$content-type":"image/png","$content":"iVBORw0KGgo="}`},
	"s3List": {"s3", "eu-west-1", func(*http.Request, string) (string, string, []string) {
		return "application/xml", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
			`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>examplebucket</Name>` +
			`<Contents><Key>in/a &amp; b.txt</Key><Size>1</Size></Contents>` +
			`<Contents><Key>in/ü.txt</Key><Size>2</Size></Contents></ListBucketResult>`, nil
	}, `["in/a & b.txt","in/ü.txt"]`},
	"dynamoDB": {
		"dynamodb", "eu-west-1", jsonResponse(`{"Item":{"id":{"S":"1042"},"total":{"N":"9007199254740993"}}}`),
		"9007199254740993",
	},
	"dynamoDBPut":   {"dynamodb", "eu-west-1", jsonResponse(`{}`), "200"},
	"dynamoDBQuery": {"dynamodb", "eu-west-1", jsonResponse(`{"Count":1,"Items":[{"total":{"N":"1.50"}}]}`), `[{"total":{"N":"1.50"}}]`},
	"eventBridgePut": {
		"events", "eu-west-1", jsonResponse(`{"FailedEntryCount":0,"Entries":[{"EventId":"11710aed"}]}`), `[{"EventId":"11710aed"}]`,
	},
	"sesSend": {"ses", "eu-west-1", jsonResponse(`{"MessageId":"0100018"}`), "0100018"},
	"stepFunctionsStart": {
		"states", "eu-west-1", jsonResponse(`{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:orders:order-1042",` +
			`"startDate":1.5E9}`),
		"arn:aws:states:eu-west-1:123456789012:execution:orders:order-1042",
	},
	"bedrockConverse": {
		"bedrock", "us-east-1", jsonResponse(`{"output":{"message":{"role":"assistant","content":[{"text":"It is on its way."}]}},` +
			`"stopReason":"end_turn"}`),
		"It is on its way.",
	},
}

func jsonResponse(text string) func(*http.Request, string) (string, string, []string) {
	return func(r *http.Request, _ string) (string, string, []string) {
		media := r.Header.Get("Content-Type") // JSON services respond with the media type of the request
		return media, text, nil
	}
}

// recipeAWS verifies what arrives, and responds as the recipe's service does.
type recipeAWS struct {
	*sendServer
	override func(http.ResponseWriter)
}

func newRecipeAWS(t *testing.T, name, policies string) *recipeAWS {
	t.Helper()
	service := services[name]
	gateway := sandbox.New(sandbox.Options{
		Now: time.Now, Rand: bytes.NewReader(make([]byte, 32)), Service: service.service, Region: service.region,
	}).Gateway()
	a := &recipeAWS{}
	a.sendServer = newSendServer(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(text))
		verdict := httptest.NewRecorder()
		gateway.ServeHTTP(verdict, r)
		if verdict.Code != http.StatusOK {
			t.Errorf("%s: the signature is refused: %s", name, verdict.Body)
			w.WriteHeader(verdict.Code)
			return
		}
		if a.override != nil {
			a.override(w)
			return
		}
		media, response, header := service.response(r, string(text))
		responds(http.StatusOK, response, append(header, "Content-Type", media)...)(w, r)
	}, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{
				Credentials: signing.NewCredentials(sandbox.AccessKeyID, sandbox.SecretAccessKey, ""), Expires: time.Now().Add(time.Hour),
				Profile: "orders",
			}, nil
		}}
		if policies != "" {
			policy, err := access.NewPolicy("policies.cedar", []byte(policies))
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, policies)
			}
			o.Policy = policy
		}
	})
	return a
}

func documentOf(t *testing.T, r connector.Recipe) string {
	t.Helper()
	text, err := r.Document()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Each recipe arrives at its service with a valid signature, is permitted by its own policy, and its workflow finds
// the result.
func TestRecipes_DoWhatTheySay(t *testing.T) {
	list := recipes(t)
	names := map[string]bool{}
	for _, r := range list {
		names[r.Name] = true
	}
	if want := slices.Sorted(maps.Keys(services)); !slices.Equal(slices.Sorted(maps.Keys(names)), want) {
		t.Fatalf("there are %v, want %v", slices.Sorted(maps.Keys(names)), want)
	}
	for _, r := range list {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			aws := newRecipeAWS(t, r.Name, r.Policy(access.Anonymous))
			w := aws.post("/v1/send", documentOf(t, r))
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s\n%s", w.Code, w.Body, r.Policy(access.Anonymous))
			}
			sent := decodeAs[sentDocument](t, w.Body)
			if sent.Service != services[r.Name].service || sent.Region != services[r.Name].region || len(sent.Warnings) > 0 {
				t.Errorf("signed for %s in %s, with %v", sent.Service, sent.Region, sent.Warnings)
			}
			text, err := r.Workflow()
			if err != nil {
				t.Fatal(err)
			}
			run := runWorkflow(t, aws.sendServer, text)
			result := run.Of("Result")
			if run.Status != logicapps.Succeeded || len(result) != 1 {
				t.Fatalf("the run %s: %s", run.Status, run.History())
			}
			if got := shownValue(t, result[0].Outputs); got != services[r.Name].result {
				t.Errorf("the result is %s, want %s", got, services[r.Name].result)
			}
			if history := run.History(); strings.Contains(history, "Signature=") || strings.Contains(history, "YOUR-API-KEY") {
				t.Errorf("the history holds a secret: %s", history)
			}
		})
	}
}

func runWorkflow(t *testing.T, s *sendServer, text []byte) *logicapps.Run {
	t.Helper()
	workflow, err := logicapps.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	engine := logicapps.Engine{Transport: inProcess{s.handler}, Sleep: func(context.Context, time.Duration) error { return nil }}
	run, err := engine.Run(t.Context(), workflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// shownValue is a value of a run: strings as they are, objects as JSON with sorted names.
func shownValue(t *testing.T, value any) string {
	t.Helper()
	switch v := value.(type) {
	case string:
		return v
	case logicapps.Number:
		return string(v)
	case logicapps.Object:
		var members []string
		for _, m := range v {
			name, _ := json.Marshal(m.Name)
			members = append(members, string(name)+":"+quoted(t, m.Value))
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, quoted(t, item))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return fmt.Sprint(value)
}

func quoted(t *testing.T, value any) string {
	t.Helper()
	if text, isText := value.(string); isText {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(text)
		return strings.TrimSpace(b.String())
	}
	return shownValue(t, value)
}

// Requests that are similar to a recipe are denied by the recipe's own policy.
func TestRecipes_PoliciesPermitNothingElse(t *testing.T) {
	neighbours := map[string][][2]string{ // texts of the document and their replacements
		"apiGateway": {{"/prod/orders", "/prod/orders/1"}, {`"POST"`, `"PUT"`}, {"a1b2c3d4e5", "z1b2c3d4e5"}},
		"sqsSend": {
			{"SendMessage", "DeleteQueue"},
			{"123456789012/orders", "123456789012/billing"},
			{"SendMessage", "SendMessageBatch"},
		},
		"snsPublish":   {{`"Publish"`, `"Subscribe"`}, {`"Publish"`, `"PublishBatch"`}},
		"lambdaInvoke": {{"functions/orders", "functions/billing"}, {"/invocations", "/code"}, {`"POST"`, `"DELETE"`}},
		"s3Put": {
			{`/in/`, `/out/`},
			{`"PUT"`, `"DELETE"`},
			{"examplebucket", "otherbucket"},
			{"order-1042.json", "order-1042.json?acl"},
		},
		"file":               {{`/in/`, `/out/`}, {`"GET"`, `"DELETE"`}, {"examplebucket", "otherbucket"}, {"photo.png", "photo.png?acl"}},
		"s3List":             {{`"in/"`, `"out/"`}, {"examplebucket", "otherbucket"}, {`"prefix"`, `"marker"`}, {`"list-type"`, `"versions"`}},
		"dynamoDB":           {{"GetItem", "PutItem"}, {"GetItem", "Scan"}, {"dynamodb.", "streams.dynamodb."}},
		"dynamoDBPut":        {{"PutItem", "DeleteItem"}, {"PutItem", "BatchWriteItem"}},
		"dynamoDBQuery":      {{"20120810.Query", "20120810.Scan"}, {"20120810.Query", "20120810.ExecuteStatement"}},
		"eventBridgePut":     {{"PutEvents", "PutRule"}, {"PutEvents", "PutTargets"}},
		"sesSend":            {{"outbound-emails", "outbound-bulk-emails"}, {`"POST"`, `"GET"`}, {"email.", "email-fips."}},
		"stepFunctionsStart": {{"StartExecution", "StopExecution"}, {"StartExecution", "StartSyncExecution"}},
		"bedrockConverse":    {{"nova-lite", "nova-pro"}, {"/converse", "/invoke"}, {"/converse", "/converse-stream"}},
	}
	for _, r := range recipes(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			document, policy := documentOf(t, r), r.Policy(access.Anonymous)
			aws := newRecipeAWS(t, r.Name, policy)
			changes := append([][2]string{
				{`"profile": "orders"`, `"profile": "billing"`}, {"." + services[r.Name].region + ".", ".eu-central-1."},
			}, neighbours[r.Name]...)
			if len(changes) < 4 {
				t.Fatal("too few neighbours are known")
			}
			for _, change := range changes {
				other := strings.Replace(document, change[0], change[1], 1)
				if other == document {
					t.Errorf("the document has no %s", change[0])
				}
				if w := aws.postPlain("/v1/send", other); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"forbidden"`) {
					t.Errorf("%s instead of %s: %d %s, want it denied", change[1], change[0], w.Code, w.Body)
				}
			}
			if w := aws.postPlain("/v1/sign", asSign(t, r)); w.Code != http.StatusForbidden {
				t.Errorf("signing it: %d, want it denied", w.Code)
			}
			if n := aws.arrived.Load(); n > 0 {
				t.Errorf("%d requests were sent", n)
			}
			stranger := newRecipeAWS(t, r.Name, r.Policy("my-flow"))
			if w := stranger.postPlain("/v1/send", document); w.Code != http.StatusForbidden {
				t.Errorf("to another caller: %d, want it denied", w.Code)
			}
		})
	}
}

func asSign(t *testing.T, r connector.Recipe) string {
	t.Helper()
	fields := maps.Clone(r.Request)
	delete(fields, "responseBody")
	return encode(t, fields)
}

// A role's policy names the operation's action and one resource, in the region that is called.
func TestRecipes_RolesMayDoNoMore(t *testing.T) {
	for _, r := range recipes(t) {
		for _, statement := range r.IAM {
			s, _ := statement.(map[string]any)
			action, _ := s["Action"].(string)
			resource, _ := s["Resource"].(string)
			service, _, _ := strings.Cut(action, ":")
			if service == "" || strings.Contains(action, "*") || !strings.HasPrefix(resource, "arn:aws:"+service+":") ||
				strings.Contains(resource, ":*") {
				t.Errorf("%s: %s on %s", r.Name, action, resource)
			}
			if region := strings.Split(resource, ":")[3]; service != "s3" && region != services[r.Name].region {
				t.Errorf("%s: the resource is in %s", r.Name, region)
			}
		}
		if len(r.IAM) == 0 {
			t.Errorf("%s has no policy for its role", r.Name)
		}
	}
}

// The workbench reads a recipe as it reads pasted text.
func TestRecipes_AreReadByTheWorkbench(t *testing.T) {
	s := newServer(t, nil)
	for _, r := range recipes(t) {
		ask, err := json.Marshal(map[string]string{"text": documentOf(t, r)})
		if err != nil {
			t.Fatal(err)
		}
		w := s.post("/v1/read", string(ask))
		got := decodeAs[struct{ Request struct{ Method, URL string } }](t, w.Body).Request
		address, _, _ := strings.Cut(got.URL, "?list-type") // query may become part of it
		if w.Code != http.StatusOK || got.Method != r.Request["method"] || address != r.Request["url"] {
			t.Errorf("%s: %d %+v", r.Name, w.Code, got)
		}
	}
}

// SQS returns the MD5 of what it received: it is the MD5 of the message in the document.
func TestRecipes_SQSReceivesTheMessage(t *testing.T) {
	r := recipeOf(t, "sqsSend")
	aws := newRecipeAWS(t, r.Name, "")
	sent := decodeAs[sentDocument](t, aws.post("/v1/send", documentOf(t, r)).Body)
	body, _ := r.Request["body"].(map[string]any)
	message, _ := body["MessageBody"].(string)
	sum := md5.Sum([]byte(message))
	if !strings.Contains(string(sent.Body), hex.EncodeToString(sum[:])) || message == "" {
		t.Errorf("SQS got another message: %s", sent.Body)
	}
}

func recipeOf(t *testing.T, name string) connector.Recipe {
	t.Helper()
	list := recipes(t)
	return list[slices.IndexFunc(list, func(r connector.Recipe) bool { return r.Name == name })]
}

// Lambda responds with 200 for a function that failed.
func TestSend_TellsAFailedFunctionApart(t *testing.T) {
	r := recipeOf(t, "lambdaInvoke")
	for _, kind := range []string{"Unhandled", "Handled"} {
		aws := newRecipeAWS(t, r.Name, "")
		aws.override = func(w http.ResponseWriter) {
			w.Header().Set("X-Amz-Function-Error", kind)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"errorMessage":"no such order","errorType":"KeyError"}`)
		}
		w := aws.post("/v1/send", documentOf(t, r))
		p := decodeAs[refusedDocument](t, w.Body)
		if w.Code != 424 || p.Code != "function_failed" || p.AWS == nil || p.AWS.Status != 200 ||
			!strings.Contains(string(p.AWS.Body), "KeyError") {
			t.Errorf("%s: %d %+v", kind, w.Code, p)
		}
		if !strings.Contains(p.Detail, kind) || !strings.Contains(p.Detail, "no such order") {
			t.Errorf("%s: %s", kind, p.Detail)
		}
		whole := aws.post("/v1/send", strings.Replace(documentOf(t, r), "{", `{"onError": "return",`, 1))
		if sent := decodeAs[sentDocument](t, whole.Body); whole.Code != 200 || sent.Headers["x-amz-function-error"] != kind {
			t.Errorf("%s, returned: %d %+v", kind, whole.Code, sent)
		}
		text, err := r.Workflow()
		if err != nil {
			t.Fatal(err)
		}
		before := aws.arrived.Load()
		if run := runWorkflow(t, aws.sendServer, text); run.Status != logicapps.Failed || aws.arrived.Load() != before+1 {
			t.Errorf("%s: the run %s after %d calls of the function", kind, run.Status, aws.arrived.Load()-before)
		}
	}
}

// EventBridge responds with 200 if it accepted only some events.
func TestRecipes_RejectedEventsFailTheRun(t *testing.T) {
	r := recipeOf(t, "eventBridgePut")
	aws := newRecipeAWS(t, r.Name, "")
	aws.override = func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException"}]}`)
	}
	text, err := r.Workflow()
	if err != nil {
		t.Fatal(err)
	}
	if run := runWorkflow(t, aws.sendServer, text); run.Status != logicapps.Failed {
		t.Errorf("the run %s: %s", run.Status, run.History())
	}
}
