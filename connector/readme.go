package connector

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The form of the connector catalogue, with its headings in order.
const (
	readmeHead = `# %s
%s

## Publisher: %s

## Prerequisites
A running Countersign: as an Azure Functions app, a container or a binary. It must be reachable from the internet by https,
since the connector calls it from Microsoft's cloud. Custom connectors need a premium plan of Power Automate or Power Apps;
in Logic Apps they are billed by call.

## Supported Operations
`
	readmeTail = `
## Obtaining Credentials
With an API key: your operator makes one and gives you the host name and the key.

With Microsoft Entra ID you sign in with your own account. Before the connector is created, your operator registers an
application for it and changes apiProperties.json: the application's ID in place of YOUR-APPLICATION-ID, the ID of the
directory in place of YOUR-TENANT-ID, and the audience of the service in place of api://countersign. The application's
secret is in no file: the command line tool takes it with --secret. The service lets people in only with users: true.

No AWS credential is ever asked for. They stay with the service, under the name of a profile.

## Getting Started
1. Create a connection with the host name and the key.
2. Add **Sign a request** to your flow. Give method, URL, headers and body of the request that you want to send to AWS.
3. Add an **HTTP** action. Put Method, URL and Headers of the response into its fields (switch the headers to text mode), and
   Body for a workflow step into its body.
4. In the settings of the HTTP action, set the retry policy to None and switch the asynchronous pattern off.

Ready-made workflows are beside this file.

## Known Issues and Limitations
- A signature holds for five minutes (15 with Amazon S3). Sign right before you send, and sign again before you repeat.
- Send what the response says and nothing else: no further query parameters, no changed header.
- The Power Automate and Logic Apps HTTP action drops some headers, among them Content-MD5 and Host. Countersign does not
  sign those and says so in Warnings.
- The platform limits messages to 100 MB, and Countersign to 10 MB unless your operator has changed that. For larger files
  get a presigned URL.
- Choosing between API key and Entra ID when a connection is made works for connectors created with the command line tool,
  not for those made in the wizard.

## Deployment Instructions
` + "```sh\npaconn login\n" +
		"paconn create --api-def apiDefinition.swagger.json --api-prop apiProperties.json --icon icon.png --secret \"$CLIENT_SECRET\"\n```" + `

Without Entra ID, first take the set entra-id out of connectionParameterSets in apiProperties.json, and leave --secret out:
paconn refuses a connector that has such a set and no secret.

In the wizard: **Custom connectors**, **New custom connector**, **Import an OpenAPI file**, and choose
apiDefinition.swagger.json. The wizard does not read apiProperties.json: the host then is the one in the definition, so
generate it with yours, or change it on the first page.
`
)

// writeReadme lists the operations, the most used first.
func writeReadme(doc map[string]any) []byte {
	var out strings.Builder
	info := objectAt(doc, "info")
	fmt.Fprintf(&out, readmeHead, textOf(info, "title"), textOf(info, "description"), textOf(objectAt(info, "contact"), "name"))
	for _, operation := range byVisibility(doc) {
		if operation["x-ms-visibility"] == "internal" {
			continue
		}
		fmt.Fprintf(&out, "### %s\n%s\n", textOf(operation, "summary"), textOf(operation, "description"))
	}
	out.WriteString(readmeTail)
	return []byte(out.String())
}

func byVisibility(doc map[string]any) []map[string]any {
	var all []map[string]any
	(&checker{definition: doc}).eachOperation(func(_ string, o map[string]any) { all = append(all, o) })
	rank := map[any]int{"important": 0, nil: 1, "advanced": 2, "internal": 3}
	slices.SortFunc(all, func(a, b map[string]any) int {
		return cmp.Or(
			cmp.Compare(rank[a["x-ms-visibility"]], rank[b["x-ms-visibility"]]),
			cmp.Compare(textOf(a, "summary"), textOf(b, "summary")),
		)
	})
	return all
}
