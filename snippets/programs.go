package snippets

import "strings"

func pythonSigning(r *Request, o Options) string {
	return `import base64, http.client, json, os, urllib.error, urllib.request

# The request. Countersign signs it; the key is read from ` + Variable + `.
request = r'''
` + within(r.Document, "'", `\u0027`) + `
'''
sign = urllib.request.Request(
    ` + literal(o.Service+"/v1/sign") + `, request.encode(),
    {"Content-Type": "application/json", "X-API-Key": os.environ["` + Variable + `"]})
try:
    signed = json.load(urllib.request.urlopen(sign))
except urllib.error.HTTPError as error:
    raise SystemExit(error.read().decode())

# What is sent is what was signed.
scheme, _, host, target = signed["url"].split("/", 3)
connection = (http.client.HTTPConnection if scheme == "http:" else http.client.HTTPSConnection)(host)
body = base64.b64decode(signed["bodyEnvelope"]["$content"]) if "bodyEnvelope" in signed else None
connection.request(signed["method"], "/" + target, body, {h["name"]: h["value"] for h in signed["headerList"]})
response = connection.getresponse()
print(response.status, response.reason)
print(response.read().decode(errors="replace"))
`
}

func pythonSigned(r *Request, _ Options) string {
	secure, host, target := r.hostAndTarget()
	class := "HTTPSConnection"
	if !secure {
		class = "HTTPConnection"
	}
	body, imports := "None", "import http.client"
	switch {
	case len(r.Body) == 0:
	case r.isText():
		body = literal(string(r.Body)) + ".encode()"
	default:
		body, imports = `base64.b64decode("`+base64Of(r.Body)+`")`, "import base64, http.client"
	}
	header := func(h Header) string { return literal(h.Name) + ": " + literal(h.Value) + "," }
	return imports + "\n\nconnection = http.client." + class + "(" + literal(host) + ")\n" +
		"connection.request(" + literal(r.Method) + ", " + literal(target) + ",\n    body=" + body + ",\n" +
		"    headers={" + r.headerLines("\n        ", header) +
		"\n    })\nresponse = connection.getresponse()\n" +
		"print(response.status, response.reason)\nprint(response.read().decode(errors=\"replace\"))\n"
}

func (r *Request) headerLines(before string, line func(Header) string) string {
	var b strings.Builder
	for _, h := range r.Headers {
		b.WriteString(before + line(h))
	}
	return b.String()
}

func javascriptSigning(r *Request, o Options) string {
	return `// The request. Countersign signs it; the key is read from ` + Variable + `.
const request = String.raw` + "`\n" + within(r.Document, "`", `\u0060`, "${", `$\u007b`) + "\n`" + `;
const reply = await fetch(` + literal(o.Service+"/v1/sign") + `, {
  method: "POST",
  headers: {"Content-Type": "application/json", "X-API-Key": process.env.` + Variable + `},
  body: request,
});
if (!reply.ok) throw new Error(await reply.text());
const signed = await reply.json();

// What is sent is what was signed.
const response = await fetch(signed.url, {
  method: signed.method,
  headers: signed.headerList.map(({name, value}) => [name, value ?? ""]),
  body: signed.bodyEnvelope && Buffer.from(signed.bodyEnvelope.$content, "base64"),
  redirect: "manual",
});
console.log(response.status, response.statusText);
console.log(await response.text());
`
}

func javascriptSigned(r *Request, _ Options) string {
	body := ""
	switch {
	case len(r.Body) == 0:
	case r.isText():
		body = "  body: Buffer.from(" + literal(string(r.Body)) + "),\n"
	default:
		body = `  body: Buffer.from("` + base64Of(r.Body) + `", "base64"),` + "\n"
	}
	return "const response = await fetch(" + literal(r.URL) + ", {\n  method: " + literal(r.Method) + ",\n  headers: [" +
		r.headerLines("\n    ", func(h Header) string { return "[" + literal(h.Name) + ", " + literal(h.Value) + "]," }) + "\n  ],\n" + body +
		"  redirect: \"manual\",\n});\nconsole.log(response.status, response.statusText);\nconsole.log(await response.text());\n"
}

const csharpClient = `using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
`

func csharpSigning(r *Request, o Options) string {
	return `using System.Net.Http;
using System.Text;
using System.Text.Json;

// The request. Countersign signs it; the key is read from ` + Variable + `.
const string request = """
` + string(r.Document) + `
""";
` + csharpClient + `using var sign = new HttpRequestMessage(HttpMethod.Post, ` + literal(o.Service+"/v1/sign") + `);
sign.Content = new StringContent(request, Encoding.UTF8, "application/json");
sign.Headers.Add("X-API-Key", Environment.GetEnvironmentVariable("` + Variable + `"));
using var reply = await http.SendAsync(sign);
var text = await reply.Content.ReadAsStringAsync();
if (!reply.IsSuccessStatusCode) throw new Exception(text);
var signed = JsonDocument.Parse(text).RootElement;

// What is sent is what was signed.
var method = new HttpMethod(signed.GetProperty("method").GetString()!);
using var call = new HttpRequestMessage(method, signed.GetProperty("url").GetString());
byte[] bytes = Array.Empty<byte>();
if (signed.TryGetProperty("bodyEnvelope", out var body)) bytes = body.GetProperty("$content").GetBytesFromBase64();
call.Content = new ByteArrayContent(bytes);
foreach (var header in signed.GetProperty("headerList").EnumerateArray())
{
    var name = header.GetProperty("name").GetString()!;
    var value = header.TryGetProperty("value", out var v) ? v.GetString() : "";
    if (!call.Headers.TryAddWithoutValidation(name, value)) call.Content.Headers.TryAddWithoutValidation(name, value);
}
using var response = await http.SendAsync(call);
Console.WriteLine((int)response.StatusCode);
Console.WriteLine(await response.Content.ReadAsStringAsync());
`
}

func csharpSigned(r *Request, _ Options) string {
	content := "Array.Empty<byte>()"
	switch {
	case len(r.Body) == 0:
	case r.isText():
		content = "Encoding.UTF8.GetBytes(" + literal(string(r.Body)) + ")"
	default:
		content = `Convert.FromBase64String("` + base64Of(r.Body) + `")`
	}
	return "using System.Net.Http;\nusing System.Text;\n\n" + csharpClient + "using var call = new HttpRequestMessage(new HttpMethod(" +
		literal(r.Method) + "), " + literal(r.URL) + ");\ncall.Content = new ByteArrayContent(" + content + ");\n" +
		"foreach (var (name, value) in new (string, string)[] {" +
		r.headerLines("\n    ", func(h Header) string { return "(" + literal(h.Name) + ", " + literal(h.Value) + ")," }) + "\n})\n" +
		"    if (!call.Headers.TryAddWithoutValidation(name, value)) call.Content.Headers.TryAddWithoutValidation(name, value);\n" +
		"using var response = await http.SendAsync(call);\n" +
		"Console.WriteLine((int)response.StatusCode);\nConsole.WriteLine(await response.Content.ReadAsStringAsync());\n"
}

const powershellSend = `if (-not $call.Headers.TryAddWithoutValidation($h.name, [string]$h.value)) {
    [void]$call.Content.Headers.TryAddWithoutValidation($h.name, [string]$h.value)
  }
}
$handler = [Net.Http.HttpClientHandler]::new()
$handler.AllowAutoRedirect = $false
$response = [Net.Http.HttpClient]::new($handler).SendAsync($call).Result
[int]$response.StatusCode
$response.Content.ReadAsStringAsync().Result
`

func powershellSigning(r *Request, o Options) string {
	return `Add-Type -AssemblyName System.Net.Http

# The request. Countersign signs it; the key is read from ` + Variable + `.
$request = @'
` + string(r.Document) + `
'@
$signed = Invoke-RestMethod -Method Post -Uri ` + powershellWord(o.Service+"/v1/sign") + " -ContentType 'application/json' `\n" +
		`  -Headers @{ 'X-API-Key' = $env:` + Variable + ` } -Body ([Text.Encoding]::UTF8.GetBytes($request))

# What is sent is what was signed.
$call = [Net.Http.HttpRequestMessage]::new([Net.Http.HttpMethod]::new($signed.method), [Uri]$signed.url)
$call.Content = [Net.Http.ByteArrayContent]::new([Convert]::FromBase64String([string]$signed.bodyEnvelope.'$content'))
foreach ($h in $signed.headerList) {
  ` + powershellSend
}

func powershellSigned(r *Request, _ Options) string {
	content := "[byte[]]@()"
	switch {
	case len(r.Body) == 0:
	case r.isText():
		content = "[Text.Encoding]::UTF8.GetBytes(" + powershellWord(string(r.Body)) + ")"
	default:
		content = "[Convert]::FromBase64String('" + base64Of(r.Body) + "')"
	}
	return "Add-Type -AssemblyName System.Net.Http\n\n" +
		"$call = [Net.Http.HttpRequestMessage]::new([Net.Http.HttpMethod]::new(" + powershellWord(r.Method) +
		"), [Uri]" + powershellWord(r.URL) + ")\n" +
		"$call.Content = [Net.Http.ByteArrayContent]::new(" + content + ")\nforeach ($h in @(" +
		r.headerLines("\n  ", func(h Header) string {
			return "@{ name = " + powershellWord(h.Name) + "; value = " + powershellWord(h.Value) + " }"
		}) +
		"\n)) {\n  " + powershellSend
}
