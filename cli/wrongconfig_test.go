package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// wrong is a configuration with one mistake, and what must be said about it.
type wrong struct {
	// where the mistake is: file (the whole file), top, profile, role, callers, key (lines of the file), env or flag.
	where, text string
	want        string
}

const (
	rightHash = "9a8e0ae1b6e8d0f195845315f42195eaa964dd19ee684783601f04be49eeae26"
	// leaked is the prefix of the values that no report may show.
	leaked = "EXAMPLESECRET"
)

// build makes the arguments and the environment of a start with the mistake.
func (w wrong) build(t *testing.T) (args []string, env map[string]string) {
	t.Helper()
	env = map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "EXAMPLEKEYEXAMPLEKEYEXAMPLEKEY",
		"AWS_REGION": "eu-west-1", "PORT": freePort(t),
	}
	w.text = strings.NewReplacer("{dir}", t.TempDir(), "{port}", freePort(t)).Replace(w.text)
	text := w.text
	switch w.where {
	case "env", "flag":
		env["COUNTERSIGN_API_KEY_SHA256"] = rightHash
		text = ""
	case "file":
	default:
		indent := func(where, by string) string {
			if w.where != where {
				return ""
			}
			return by + strings.ReplaceAll(w.text, "\n", "\n"+by) + "\n"
		}
		text = "profiles:\n  orders:\n    region: eu-west-1\n    source: environment\n" + indent("profile", "    ")
		if w.where == "role" {
			text += "    assume_role:\n" + indent("role", "      ")
			if !strings.Contains(w.text, "role_arn") && !strings.Contains(w.text, "account_id") {
				text += "      role_arn: arn:aws:iam::210987654321:role/orders\n"
			}
		}
		text += "callers:\n" + indent("callers", "  ")
		if !strings.Contains(w.text, "api_keys:") {
			text += "  api_keys:\n  - id: flow\n" + indent("key", "    ")
			if !strings.Contains(w.text, "sha256") {
				text += "    sha256: " + rightHash + "\n"
			}
		}
		text += indent("top", "")
	}
	args = []string{"serve"}
	if text != "" || w.where == "file" {
		env["COUNTERSIGN_CONFIG"] = writeFile(t, "countersign.yaml", text)
	}
	for line := range strings.SplitSeq(w.text, "\n") {
		switch w.where {
		case "env":
			name, value, _ := strings.Cut(line, "=")
			env[name] = value
		case "flag":
			args = append(args, line)
		}
	}
	return args, env
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs serve --check, and serve until it listens.
func start(t *testing.T, args []string, env map[string]string) (check, serve *program, checkCode, serveCode int) {
	t.Helper()
	run := func(ctx context.Context, p *program, args ...string) int {
		return run(process{
			ctx: ctx, getenv: func(name string) string { return env[name] }, environ: environ(env), stdout: &p.out, stderr: &p.err,
			now: time.Now, contract: contract,
		}, args)
	}
	check, serve = new(program), new(program)
	over, stop := context.WithCancel(t.Context())
	stop()
	return check, serve, run(t.Context(), check, append(slices.Clone(args), "--check")...), run(over, serve, args...)
}

func TestConfigurations_WrongOnesAreRefused(t *testing.T) {
	n := 0
	for _, kind := range slices.Sorted(maps.Keys(refused)) {
		for i, w := range refused[kind] {
			n++
			t.Run(fmt.Sprintf("%s/%d %s", kind, i, w.where), func(t *testing.T) {
				args, env := w.build(t)
				check, serve, checkCode, serveCode := start(t, args, env)
				if checkCode != 2 || !strings.Contains(check.err.String(), w.want) {
					t.Errorf("%s\n--check: exit code %d\n%s%s\nwant 2 and %q", w.text, checkCode, &check.out, &check.err, w.want)
				}
				if serveCode != checkCode || serve.err.String() != check.err.String() {
					t.Errorf("%s\nserve: exit code %d\n%s\n--check: exit code %d\n%s", w.text, serveCode, &serve.err, checkCode, &check.err)
				}
				if strings.Contains(check.err.String()+check.out.String(), leaked) {
					t.Errorf("the report shows the value:\n%s%s", &check.out, &check.err)
				}
			})
		}
	}
	if n < 200 {
		t.Errorf("the table has %d configurations", n)
	}
}

func TestConfigurations_DoubtfulOnesAreWarnedOf(t *testing.T) {
	for i, w := range warned {
		t.Run(fmt.Sprintf("%d %s", i, w.where), func(t *testing.T) {
			args, env := w.build(t)
			check, serve, checkCode, serveCode := start(t, args, env)
			if checkCode != 0 || serveCode != 0 {
				t.Fatalf("%s\nexit codes %d, %d\n%s%s", w.text, checkCode, serveCode, &check.err, &serve.err)
			}
			if !hasLine(check.out.String(), "warning: ", w.want) {
				t.Errorf("%s\n--check lacks a warning with %q:\n%s", w.text, w.want, &check.out)
			}
			if !hasLine(serve.out.String(), `"level":"warn"`, w.want) {
				t.Errorf("%s\nserve lacks a warning with %q:\n%s", w.text, w.want, &serve.out)
			}
		})
	}
}

func hasLine(text string, all ...string) bool {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(all, func(part string) bool { return !strings.Contains(line, part) }) {
			return true
		}
	}
	return false
}

func TestConfigurations_RightOnesHaveNoWarning(t *testing.T) {
	for i, w := range right {
		t.Run(fmt.Sprintf("%d %s", i, w.where), func(t *testing.T) {
			args, env := w.build(t)
			check, serve, checkCode, serveCode := start(t, args, env)
			if checkCode != 0 || serveCode != 0 || strings.Contains(check.out.String(), "warning") ||
				strings.Contains(serve.out.String(), `"level":"warn"`) {
				t.Errorf("%s\nexit codes %d, %d\n%s%s%s", w.text, checkCode, serveCode, &check.out, &check.err, &serve.out)
			}
		})
	}
}
