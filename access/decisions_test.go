package access_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
)

const (
	api   = "https://abc.execute-api.eu-west-1.amazonaws.com"
	table = "https://dynamodb.eu-west-1.amazonaws.com/"
	queue = "https://sqs.eu-west-1.amazonaws.com/"
	files = "https://files.s3.eu-west-1.amazonaws.com"
	token = "https://sts.eu-west-1.amazonaws.com/"
)

// row is one expected decision. If by is not empty, it is a policy that must be among the deciding ones.
type row struct {
	name  string
	q     access.Question
	allow bool
	by    string
}

func allow(by, name string, q access.Question) row { return row{name, q, true, by} }
func deny(name string, q access.Question) row      { return row{name, q, false, ""} }
func forbidden(by, name string, q access.Question) row {
	return row{name, q, false, by}
}

func ask(caller string, action access.Action, r access.Request) access.Question {
	return access.Question{Caller: by(caller), Action: action, Request: r}
}

func crm(r access.Request) access.Question   { return ask("crm-sync", access.ActionSign, r) }
func inbox(r access.Request) access.Question { return ask("files", access.ActionSign, r) }

func admin(r access.Request) access.Question {
	return access.Question{
		Caller: access.Caller{ID: "ops", Method: access.MethodEntra, Roles: []string{"Sign.Admin"}}, Action: access.ActionSign,
		Request: r,
	}
}

// but returns r with a change.
func but(r access.Request, change func(*access.Request)) access.Request {
	r.Headers = slices.Clone(r.Headers)
	change(&r)
	return r
}

func target(operation string, more ...string) access.Request {
	return to("POST", table, append([]string{"X-Amz-Target", "DynamoDB_20120810." + operation, "body", "{}"}, more...)...)
}

func form(body string) access.Request { return to("POST", queue, "body", body) }

func filePolicy(t testing.TB) *access.Policy {
	return newPolicy(t, string(must(os.ReadFile("testdata/policies.cedar"))))
}

func TestDecisions(t *testing.T) {
	p := filePolicy(t)
	rows := slices.Concat(matrix(), hostRows(), pathRows(), operationRows(), s3Rows(), loginRows(), shapeRows())
	if len(rows) < 2000 {
		t.Errorf("%d rows, want 2,000 at least", len(rows))
	}
	failed := 0
	for _, r := range rows {
		d := p.Decide(r.q)
		decided := r.by == "" || slices.Contains(d.Policies, r.by)
		if d.Allowed != r.allow || !decided {
			t.Errorf("%s: %v, want allow %v by %q\n%v", r.name, d, r.allow, r.by, d.Notes)
			failed++
		}
		if d.Allowed == (d.Reason != "") {
			t.Errorf("%s: allowed %v with the reason %q", r.name, d.Allowed, d.Reason)
		}
		if failed > 20 {
			t.FailNow()
		}
	}
	t.Logf("%d rows", len(rows))
}

// matrix returns every combination of requests for the simple policies, with expectations written in Go.
func matrix() []row {
	var rows []row
	for _, caller := range []string{"crm-sync", "files", "archiver", "stranger"} {
		for _, action := range []access.Action{access.ActionSign, access.ActionPresign, access.ActionVerify} {
			for _, profile := range []string{"orders", "other"} {
				for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
					for _, path := range []string{"/prod/orders/1", "/prod/orders", "/prod/admin", "/inbox/a"} {
						for _, host := range []string{
							api, "https://xyz.execute-api.eu-west-1.amazonaws.com", files, "https://files.s3.us-east-1.amazonaws.com",
						} {
							r := to(method, host+path)
							r.Profile = profile
							if strings.Contains(host, "us-east-1") {
								r.Region = "us-east-1"
							}
							rows = append(rows, expect(ask(caller, action, r), host, path))
						}
					}
				}
			}
		}
	}
	return rows
}

func expect(q access.Question, host, path string) row {
	r := q.Request
	name := fmt.Sprintf("%s %ss %s %s%s with %s", q.Caller.ID, q.Action, r.Method, host, path, r.Profile)
	switch {
	case r.Region != "eu-west-1":
		return forbidden("in-europe", name, q)
	case q.Caller.ID == "crm-sync" && q.Action != access.ActionVerify && r.Profile == "orders" && host == api &&
		(r.Method == "GET" || r.Method == "POST") && path == "/prod/orders/1":
		return allow("orders-api", name, q)
	case q.Caller.ID == "files" && host == files && path == "/inbox/a" && (r.Method == "GET" || r.Method == "PUT"):
		return allow("inbox", name, q)
	}
	return deny(name, q)
}

func hostRows() []row {
	rows := []row{
		allow("orders-api", "the host itself", crm(to("GET", api+"/prod/orders/1"))),
		allow("orders-api", "a port is not the host", crm(to("GET", api+":8443/prod/orders/1"))),
	}
	const host = "abc.execute-api.eu-west-1.amazonaws.com"
	for _, h := range []string{
		strings.ToUpper(host), "Abc" + host[3:], host + ".", "." + host, host + ".attacker.example", "attacker.example." + host,
		"attacker.example#" + host, "attacker.example/" + host, "attacker.example\\" + host, "attacker.example?" + host,
		host + "@attacker.example", "user@" + host, "user:pass@" + host, host + ":", host + ":0", host + ":00443", host + ":65536",
		host + ":+443",
		host + ":443:443", " " + host, host + " ", host + "\t", host + "\r\nX: y", host + "\x00", host + "%2eattacker.example",
		"%61bc" + host[3:],
		"attacker.example://" + host, "abc.execute-api.eu-west-1.amazonaws.com。", "аbc" + host[3:], "xn--bc-7cd" + host[3:],
		strings.Replace(host, ".", "..", 1), "127.0.0.1", "2130706433", "0x7f000001", "[::1]", "[::1", "::1", "", "localhost",
	} {
		rows = append(rows, deny(fmt.Sprintf("host %q", h), crm(but(to("GET", api+"/prod/orders/1"), func(r *access.Request) { r.Host = h }))))
	}
	for _, scheme := range []string{"", "HTTPS", "ftp", "https:", "file"} {
		rows = append(
			rows,
			deny(fmt.Sprintf("scheme %q", scheme), crm(but(to("GET", api+"/prod/orders/1"), func(r *access.Request) { r.Scheme = scheme }))),
		)
	}
	for _, region := range []string{"*", "eu-west-1,us-east-1", "eu-west-1,", "eu-*", "EU-WEST-1", "eu-west-1 ", "", "us-east-1"} {
		rows = append(
			rows,
			forbidden(
				"in-europe", fmt.Sprintf("region %q", region),
				admin(but(to("GET", api+"/prod/orders/1"), func(r *access.Request) { r.Region = region })),
			),
		)
	}
	return rows
}

func pathRows() []row {
	var rows []row
	for _, path := range []string{
		"/prod/orders/", "/prod/orders/1/lines", "/prod/orders/a%20b", "/prod/orders/%E2%82%AC", "/prod/orders/a:b@c,d=e",
		"/%70rod/orders/1", "/prod/orders/...", "/prod/orders/.hidden", "/prod/orders/a..b", "/prod/orders/100%25", "/prod/orders/100%2525",
		"/prod/orders/100%25zz",
	} {
		rows = append(rows, allow("orders-api", "path "+path, crm(but(to("GET", api+"/"), func(r *access.Request) { r.Path = path }))))
	}
	for _, path := range []string{
		"/prod/admin", "/PROD/orders/1", "/prod/Orders/1", "/prod/orders", "/prod%2Forders/1", "/prod%2forders%2f1", "//prod/orders/1",
		"/prod//orders/1",
		"/prod/orders//1", "/x/prod/orders/1", "prod/orders/1", "", "/", "/prod/orders/1?x", "/prod/orders/1#x",
		"/prod/orders/../admin", "/prod/orders/./1", "/prod/orders/..", "/prod/orders/.", "/prod/orders/1/../../" +
			"admin", "/./prod/orders/1", "/../prod/orders/1",
		"/prod/orders/%2e%2e/admin", "/prod/orders/%2E%2E/admin", "/prod/orders/.%2e/admin", "/prod/orders/%2e./admin", "/prod/orders/%2e/1",
		"/prod/orders/..%2fadmin", "/prod/orders/..%2Fadmin", "/prod/orders/%2e%2e%2fadmin", "/prod/orders%2f..%2fadmin",
		"/prod/orders/a%2F..%2F..%2Fadmin",
		"/prod/orders/..%5cadmin", "/prod/orders/..\\admin", "/prod/orders/%2e%2e%5Cadmin", "/prod/orders/a\\..\\..\\admin",
		"/prod/orders/%252e%252e/admin", "/prod/orders/%252e%252e%252fadmin", "/prod/orders/..%252fadmin", "/prod/orders/%25252e%25252e/admin",
		"/prod/orders/%2525252e%2525252e/admin", "/prod/orders/%252525252e%252525252e/admin", "/prod/orders/%25zz/%252e%252e/admin",
		"/prod/orders/..;/admin", "/prod/orders/..;x=y/admin", "/prod/orders/..%3b/admin", "/prod/orders/%2e%2e%3B/admin", "/prod/orders/.;/1",
		"/prod/orders/a%2Fb", "/prod/orders/a%2fb", "/prod/orders/a%252Fb", "/prod/orders/a%25252Fb", "/prod/orders/a%5Cb", "/prod/orders/a%5cb",
		"/prod/orders/a\\b", "/prod/orders/a%255cb",
		"/prod/orders/1%3F", "/prod/orders/1%253Fx", "/prod/orders/1%23", "/prod/orders/1%2523x", "/prod/orders/1;x=y", "/prod/orders;x/1",
		"/prod/orders/1%3Bx", "/prod/orders/1%253bx",
		"/prod/orders/%2561", "/prod/orders/%252561", "/prod/orders/%2541/1", "/prod/orders/1%2500", "/prod/orders/%c2%85", "/prod/orders/%7f",
		"/prod/orders/%u002fadmin", "/prod/orders/%c0%af", "/prod/orders/%e0%80%af",
		"/prod/orders/%00", "/prod/orders/1%0d%0aX:y", "/prod/orders/%c0%ae%c0%ae/" +
			"admin", "/prod/orders/%ff", "/prod/orders/%zz", "/prod/orders/%2", "/prod/orders/%",
	} {
		rows = append(rows, deny("path "+path, crm(but(to("GET", api+"/"), func(r *access.Request) { r.Path = path }))))
	}
	for _, method := range []string{
		"", "get", "Get", "GET ", " GET", "GET\r\n", "G\x00ET", "GÉT", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "GETX",
	} {
		rows = append(
			rows,
			deny(fmt.Sprintf("method %q", method), crm(but(to("GET", api+"/prod/orders/1"), func(r *access.Request) { r.Method = method }))),
		)
	}
	return rows
}

func operationRows() []row {
	getItem := target("GetItem")
	rows := []row{
		allow("orders-table", "GetItem", crm(getItem)),
		allow("orders-table", "Query", crm(target("Query"))),
		allow("orders-table", "header name in another case", crm(to("POST", table, "x-AMZ-tarGET", "DynamoDB_20120810.GetItem"))),
		allow("orders-table", "older version of the service", crm(to("POST", table, "X-Amz-Target", "DynamoDB_20111205.GetItem"))),
		allow("orders-table", "body stays with the caller", crm(but(getItem, func(r *access.Request) { r.Payload = access.PayloadHash }))),
		allow("orders-table", "a body that looks like a form", crm(target("GetItem", "body", "Action=DeleteTable"))),
		allow("queue", "SendMessage in JSON", crm(to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", `{"MessageBody":"x"}`))),
		allow("queue", "SendMessage in a form", crm(form("Action=SendMessage&MessageBody=x+y"))),
		allow("queue", "Action in the query", crm(to("GET", queue+"?Action=SendMessage&MessageBody=x"))),
		allow("queue", "Action encoded once is Action", crm(form("%41ction=SendMessage"))),
		allow("queue", "10,000 pairs", crm(form("Action=SendMessage"+strings.Repeat("&a=1", 9_999)))),
		deny("10,001 pairs", crm(form("Action=SendMessage"+strings.Repeat("&a=1", 10_000)))),
		allow("queue", "a nameless piece in the query", crm(to("GET", queue+"?Action=SendMessage&=DeleteQueue"))),
		allow("queue", "path of a queue", crm(to("POST", queue+"123456789012/orders", "body", "Action=SendMessage"))),
		allow("operators", "any operation where no policy asks for it", admin(to("POST", "https://kms.eu-west-1.amazonaws.com/"))),
		forbidden("nothing-is-deleted", "DeleteTable by an operator", admin(target("DeleteTable"))),
		forbidden("nothing-is-deleted", "DeleteItem by an operator", admin(target("DeleteItem"))),
		forbidden("nothing-is-deleted", "no operation at all, by an operator", admin(to("POST", table, "body", "{}"))),
		forbidden(
			"nothing-is-deleted", "two operations, by an operator",
			admin(target("GetItem", "X-Amz-Target", "DynamoDB_20120810.DeleteTable")),
		),
		allow("operators", "GetItem by an operator", admin(getItem)),
	}
	for _, value := range []string{
		"", ".", "GetItem", "DynamoDB_20120810.", "DynamoDB_20120810", ".GetItem", "DynamoDB_20120810.getitem", "DynamoDB_20120810.GETITEM",
		"DynamoDB_20120810.getItem",
		"DynamoDB_20120810.Getitem", "DynamoDB_20120810.GetItem," +
			"DynamoDB_20120810.DeleteTable", "DynamoDB_20120810.DeleteTable,DynamoDB_20120810.GetItem",
		"DynamoDB_20120810.GetItem " +
			"DynamoDB_20120810.DeleteTable", "DynamoDB_20120810.GetItem;DeleteTable", "DynamoDB_20120810.DeleteTable.GetItem",
		"DynamoDB_20120810.Get Item", "DynamoDB_20120810.Get%49tem", "DynamoDB_20120810.GetItem\x00", "AmazonSQS.GetItem",
		"dynamodb_20120810.GetItem", "DynamoDB_20120810/GetItem",
		"DynamoDB_20120810.GetItem#", "DynamoDB_20120810..GetItem", "DynamoDB_20120810.GetIt\u0435m", "DynamoDB_20120810.DeleteTable",
		"DynamoDB_20120810.TransactWriteItems",
	} {
		rows = append(rows, deny(fmt.Sprintf("target %q", value), crm(to("POST", table, "X-Amz-Target", value))))
	}
	for name, r := range map[string]access.Request{
		"no target":                 to("POST", table, "body", "{}"),
		"target twice":              target("GetItem", "X-Amz-Target", "DynamoDB_20120810.GetItem"),
		"target twice in two cases": target("GetItem", "x-amz-target", "DynamoDB_20120810.DeleteTable"),
		"target and another first": to(
			"POST", table, "x-amz-target", "DynamoDB_20120810.DeleteTable", "X-Amz-Target", "DynamoDB_20120810.GetItem",
		),
		"target and Action":              but(target("GetItem"), func(r *access.Request) { r.RawQuery = "Action=DeleteTable" }),
		"target and action":              but(target("GetItem"), func(r *access.Request) { r.RawQuery = "action=GetItem" }),
		"Action only, in a JSON service": to("POST", table+"?Action=GetItem"),
		"target in the query too": but(
			target("GetItem"), func(r *access.Request) { r.RawQuery = "X-Amz-Target=DynamoDB_20120810.DeleteTable" },
		),
		"target in the query only": to("POST", table+"?x-amz-target=DynamoDB_20120810.GetItem"),
		"target of GET":            but(target("GetItem"), func(r *access.Request) { r.Method = "GET" }),
		"target on a path":         but(target("GetItem"), func(r *access.Request) { r.Path = "/tables" }),
		"target on a CBOR path": but(
			target("GetItem"), func(r *access.Request) { r.Path = "/service/DynamoDB_20120810/operation/DeleteTable" },
		),
		"target on a path with dots":    but(target("GetItem"), func(r *access.Request) { r.Path = "/%2e/" }),
		"target of a REST service":      but(target("GetItem"), func(r *access.Request) { r.Service = "lambda" }),
		"service in capitals":           but(target("GetItem"), func(r *access.Request) { r.Service = "DynamoDB" }),
		"service with a blank":          but(target("GetItem"), func(r *access.Request) { r.Service = "dynamodb " }),
		"SendMessage among others":      form("Action=SendMessage&Action=DeleteQueue"),
		"SendMessage after others":      form("Action=DeleteQueue&Action=SendMessage"),
		"SendMessage twice":             form("Action=SendMessage&Action=SendMessage"),
		"Action in another case too":    form("Action=SendMessage&action=DeleteQueue"),
		"ACTION only":                   form("ACTION=SendMessage"),
		"encoded Action too":            form("Action=SendMessage&%41ction=DeleteQueue"),
		"encoded letter by letter":      form("Action=SendMessage&%41%63%74%69%6f%6e=DeleteQueue"),
		"encoded in lower case":         form("Action=SendMessage&%61ction=DeleteQueue"),
		"encoded twice":                 form("Action=SendMessage&%2541ction=DeleteQueue"),
		"Action[] too":                  form("Action=SendMessage&Action[]=DeleteQueue"),
		"Action with a blank too":       form("Action=SendMessage&+Action=DeleteQueue"),
		"Action with a NUL too":         form("Action=SendMessage&Action%00=DeleteQueue"),
		"Action behind a semicolon":     form("Action=SendMessage;Action=DeleteQueue"),
		"Action behind an encoded sign": form("Action=SendMessage%26Action=DeleteQueue"),
		"Action in query and body":      to("POST", queue+"?Action=SendMessage", "body", "Action=DeleteQueue"),
		"Action in query, body unknown": but(
			to("POST", queue+"?Action=SendMessage"), func(r *access.Request) { r.Payload = access.PayloadHash },
		),
		"Action in query, body unsigned": but(
			to("POST", queue+"?Action=SendMessage"), func(r *access.Request) { r.Payload = access.PayloadUnsigned },
		),
		"Action in a body that is kept": but(form("Action=SendMessage"), func(r *access.Request) { r.Payload = access.PayloadHash }),
		"Action in a body not signed":   but(form("Action=SendMessage"), func(r *access.Request) { r.Payload = access.PayloadUnsigned }),
		"target in JSON, body not signed": but(
			to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage"), func(r *access.Request) { r.Payload = access.PayloadUnsigned },
		),
		"target, and a form in the body": to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", "Action=DeleteQueue"),
		"target, and a form in JSON":     to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", `{"a":"&Action=DeleteQueue&"}`),
		"Action twice in the query":      to("GET", queue+"?Action=SendMessage&Action=DeleteQueue"),
		"action too in the query":        to("GET", queue+"?Action=SendMessage&aCTION=DeleteQueue"),
		"encoded Action in the query": but(
			to("GET", queue+"?Action=SendMessage"), func(r *access.Request) { r.RawQuery += "&%41ction=DeleteQueue" },
		),
		"multipart": to(
			"POST", queue+"?Action=SendMessage", "body",
			"--x\r\nContent-Disposition: form-data; name=\"Action\"\r\n\r\nDeleteQueue\r\n--x--",
		),
		"body in UTF-16":                 form("A\x00c\x00t\x00i\x00o\x00n\x00=\x00"),
		"no Action":                      form("MessageBody=x"),
		"Action empty":                   form("Action="),
		"Action in capitals":             form("Action=SENDMESSAGE"),
		"Action in lower case":           form("Action=sendmessage"),
		"Action in another case":         form("Action=sendMessage"),
		"Action with a blank":            form("Action=SendMessage+"),
		"an Action more that is empty":   form("Action=SendMessage&Action="),
		"a name that cannot be decoded":  form("Action=SendMessage&%zz=1"),
		"DeleteQueue":                    form("Action=DeleteQueue"),
		"a plus in the query":            but(to("GET", queue), func(r *access.Request) { r.RawQuery = "Action=SendMessage&a=b+c" }),
		"a semicolon in the query":       but(to("GET", queue), func(r *access.Request) { r.RawQuery = "Action=SendMessage;Action=DeleteQueue" }),
		"a query that cannot be decoded": but(to("GET", queue), func(r *access.Request) { r.RawQuery = "Action=SendMessage&%zz=1" }),
		"an empty piece in the query":    but(to("GET", queue), func(r *access.Request) { r.RawQuery = "Action=SendMessage&&x=1" }),
	} {
		rows = append(rows, deny("operation: "+name, crm(r)))
	}
	return rows
}

func shapeRows() []row {
	good := to("GET", api+"/prod/orders/1")
	rows := []row{
		allow(
			"orders-api", "900 seconds",
			ask("crm-sync", access.ActionPresign, but(good, func(r *access.Request) { r.ExpiresIn = 900 * time.Second })),
		),
		forbidden(
			"short-links", "901 seconds",
			ask("crm-sync", access.ActionPresign, but(good, func(r *access.Request) { r.ExpiresIn = 901 * time.Second })),
		),
		deny("action of no name", ask("crm-sync", "", good)),
		deny("action of another name", ask("crm-sync", "Sign", good)),
		deny("no caller", ask("", access.ActionSign, good)),
		deny("caller in another case", ask("CRM-sync", access.ActionSign, good)),
		deny("caller with a blank", ask("crm-sync ", access.ActionSign, good)),
		deny("caller that begins right", ask("crm-sync2", access.ActionSign, good)),
		deny("anonymous", ask(access.Anonymous, access.ActionSign, good)),
		deny(
			"a role that begins right",
			access.Question{
				Caller: access.Caller{ID: "x", Roles: []string{"Sign.Admin2", "sign.admin", "Role::\"Sign.Admin\""}},
				Action: access.ActionSign, Request: good,
			},
		),
		deny("payload of no kind", crm(but(good, func(r *access.Request) { r.Payload = "" }))),
		deny("payload of another kind", crm(but(good, func(r *access.Request) { r.Payload = "Signed" }))),
		deny("1,025 parameters", crm(but(good, func(r *access.Request) { r.RawQuery = strings.Repeat("a=1&", 1024) + "a=1" }))),
		allow("orders-api", "1,024 parameters", crm(but(good, func(r *access.Request) { r.RawQuery = strings.Repeat("a=1&", 1023) + "a=1" }))),
		deny("129 headers", crm(but(good, func(r *access.Request) { r.Headers = make129() }))),
		allow("orders-api", "128 headers", crm(but(good, func(r *access.Request) { r.Headers = make129()[:128] }))),
		deny("no profile", crm(but(good, func(r *access.Request) { r.Profile = "" }))),
		deny("profile in another case", crm(but(good, func(r *access.Request) { r.Profile = "Orders" }))),
	}
	for _, h := range []access.Field{
		{"", "x"},
		{"X\r\nY", "x"},
		{"X:Y", "x"},
		{"X Y", "x"},
		{"X\x00", "x"},
		{"\xff", "x"},
		{"X", "a\r\nSet-Cookie: b"},
		{"X", "a\nb"},
		{"X", "a\x00b"},
	} {
		rows = append(
			rows,
			deny(fmt.Sprintf("header %q: %q", h.Name, h.Value), crm(but(good, func(r *access.Request) { r.Headers = append(r.Headers, h) }))),
		)
	}
	for _, name := range []string{
		"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
		"X-Amz-Security-Token", "X-Amz-Region-Set",
	} {
		for _, spelled := range []string{name, strings.ToLower(name), strings.ToUpper(name), "%58" + name[1:]} {
			for _, action := range []access.Action{access.ActionSign, access.ActionPresign} {
				rows = append(
					rows,
					deny("signed already: "+spelled, ask("crm-sync", action, but(good, func(r *access.Request) { r.RawQuery = spelled + "=1" }))),
				)
			}
		}
	}
	for _, name := range []string{"a%00", "a%0a", "%ff", "%1f"} {
		rows = append(rows, deny("parameter "+name, crm(but(good, func(r *access.Request) { r.RawQuery = name + "=1" }))))
	}
	return rows
}

func make129() []access.Field {
	fields := make([]access.Field, 129)
	for i := range fields {
		fields[i] = access.Field{Name: fmt.Sprintf("x-%d", i), Value: "1"}
	}
	return fields
}
