package connector_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const recipesPage = "../docs/recipes.md"

const recipesIntro = `# Recipes

The calls to AWS that workflows make most, as documents for ` + "`POST /v1/send`" + `: take one, replace the example names with yours, and
send it. A test sends each one to a signature verifier, by itself and from the workflow engine, and checks its policies. This
page is generated from the examples in [openapi.yaml](../openapi.yaml).

` + "`countersign connector --out lowcode`" + ` writes a template of each to import: for Logic Apps in
` + "`lowcode/recipes/logic-apps`" + ` ([how](logic-apps.md)), for n8n in ` + "`lowcode/recipes/n8n`" + ` ([how](n8n.md)). The
[workbench](workbench.md) offers them too.

Each recipe has

- the **request**; ` + "`profile`" + ` is one of the operator's, and you can leave it out for the default one,
- the **result**, as a Logic Apps expression for a step named ` + "`Call_AWS`" + `,
- what the profile's **role** needs in IAM, and no more,
- the **policy** in Cedar that permits it to the caller ` + "`my-flow`" + `, and nothing else ([policies](security.md#policies)). Policies
  do not read what only the body says, such as a table, a topic or a bus: the role limits that.

If AWS fails, the step fails ([all cases](errors.md#when-aws-is-called-from-here)). There are no recipes for
operations that return a secret, such as ` + "`GetSecretValue`" + `: run histories keep responses.
`

// docs/recipes.md is generated from the contract.
func TestRecipes_PageIsUpToDate(t *testing.T) {
	recipes := readRecipes(t)
	var page strings.Builder
	page.WriteString(recipesIntro)
	for _, r := range recipes {
		request, err := r.Document()
		if err != nil {
			t.Fatal(err)
		}
		role, err := r.RolePolicy()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n```json\n%s\n```\n\nResult: `@%s`\n\n```json\n%s\n```\n\n```cedar\n%s\n```\n",
			r.Summary, r.Description, request, r.Result, role, r.Policy("my-flow"))
	}
	if *update {
		if err := os.WriteFile(recipesPage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, recipesPage)) != page.String() {
		t.Errorf("%s is out of date with openapi.yaml. Run: go test ./connector -update", recipesPage)
	}
}

func TestRecipes_TemplatesAreComplete(t *testing.T) {
	recipes := readRecipes(t)
	for _, r := range recipes {
		workflow, err := r.Workflow()
		if err != nil {
			t.Fatal(err)
		}
		checkSteps(t, r.Name, in(object(t, workflow), "definition"))
		n8n, err := r.N8N()
		if err != nil {
			t.Fatal(err)
		}
		nodes := 3
		if r.MustBeZero != "" {
			nodes = 5
		}
		n8nWorkflowIsWhole(t, r.Name, n8n, nodes)
		request := ""
		for _, n := range asList(object(t, n8n)["nodes"]) {
			if n.(node)["name"] == "Request" {
				request = text(in(n.(node), "parameters"), "jsonOutput")
			}
		}
		if got := object(t, []byte(request)); asJSON(t, got) != asJSON(t, r.Request) {
			t.Errorf("%s: n8n sends %s", r.Name, request)
		}
	}
}
