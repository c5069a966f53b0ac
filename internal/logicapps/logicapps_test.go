package logicapps_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/logicapps"
)

func TestExpressions(t *testing.T) {
	for text, want := range map[string]string{
		`"plain"`:                             `"plain"`,
		`"@@body('A')"`:                       `"@body('A')"`,
		`"@outputs('A')"`:                     `{"list":[1,"two",{"x":null}],"text":"ü","o p":true}`,
		`"@outputs('A')['list'][1]"`:          `"two"`,
		`"@outputs('A')?['list']?[7]"`:        `null`,
		`"@outputs('A').text"`:                `"ü"`,
		`"@outputs('A')?.nothing?['deeper']"`: `null`,
		`"@outputs('A')['o p']"`:              `true`,
		`"a@{outputs('A').list[0]}b@{ 1.50 }c@{null}d@{true}"`: `"a1b1.5cdTrue"`,
		`"@{outputs('A')['list']}"`:                            `"[1,\"two\",{\"x\":null}]"`,
		`"@{outputs('A').text}"`:                               `"ü"`,
		`"@string(outputs('A').list)"`:                         `"[1,\"two\",{\"x\":null}]"`,
		`"@json('{\"b\":1e2,\"a\":-0}')"`:                      `{"b":100.0,"a":0}`,
		`"@json(outputs('A').list)"`:                           `[1,"two",{"x":null}]`,
		`"@concat('it''s ', 1, null, parameters('p'))"`:        `"it's 1it's"`,
		`"@base64('ü')"`:                                       `"w7w="`,
		`"@coalesce(null, outputs('A')?.no, 3, 4)"`:            `3`,
		`"@equals(1, 1.0)"`:                                    `true`,
		`"@equals('a', 'A')"`:                                  `false`,
		`"@and(true, not(equals(outputs('A').list, 7)))"`:      `true`,
		`"@and(true, false)"`:                                  `false`,
		`"@or(false, greater(2, 1))"`:                          `true`,
		`"@or(false, false)"`:                                  `false`,
		`"@less(-2, 1)"`:                                       `true`,
		`"@lessOrEquals(1, 1)"`:                                `true`,
		`"@greaterOrEquals(1, 2)"`:                             `false`,
		`"@triggerBody()['from']"`:                             `"trigger"`,
		`{"@outputs('A').text":["@variables('v')"]}`:           `{"@outputs('A').text":["value"]}`,
	} {
		w := load(t, `{"A":{"type":"Compose","inputs":{"list":[1,"two",{"x":null}],"text":"ü","o p":true}},
			"V":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"string","value":"value"}]}},
			"B":{"type":"Compose","inputs":`+text+`,"runAfter":{"A":["Succeeded"],"V":["Succeeded"]}},
			"C":{"type":"Compose","inputs":"@string(outputs('B'))","runAfter":{"B":["Succeeded"]}}}`)
		run, err := (&logicapps.Engine{}).Run(t.Context(), w, logicapps.Object{{Name: "from", Value: "trigger"}})
		if err != nil || run.Status != logicapps.Succeeded {
			t.Errorf("%s: %v %v", text, err, run.Of("B")[0].Err)
			continue
		}
		expected, _ := logicapps.Parse([]byte(want))
		if got, want := show(t, run.Of("B")[0].Outputs), show(t, expected); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

// show writes a value in one of the engine's two spellings.
func show(t *testing.T, v any) string {
	t.Helper()
	w := load(t, `{"A":{"type":"Compose","inputs":0},"B":{"type":"Compose","inputs":"@{outputs('A')}","runAfter":{"A":["Succeeded"]}}}`)
	if err := w.Edit([]any{v}, "definition", "actions", "A", "inputs"); err != nil {
		t.Fatal(err)
	}
	return escapeNothing(t, w)
}

func escapeNothing(t *testing.T, w *logicapps.Workflow) string {
	t.Helper()
	run, err := (&logicapps.Engine{}).Run(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := run.Of("B")[0].Outputs.(string)
	return text
}

func TestExpressionsThatFail(t *testing.T) {
	for text, want := range map[string]string{
		`@outputs('A')['bodyEnvelope']`: "does not exist",
		`@outputs('A')[7]`:              "no item",
		`@outputs('A')[true]`:           "an index",
		`@outputs('Z')`:                 "no action",
		`@outputs('B')`:                 "has not run",
		`@parameters('z')`:              `no "z"`,
		`@rand()`:                       "not supported here",
		`@not()`:                        "not supported here",
		`@string('a)`:                   "is not terminated",
		`@string('a'`:                   "expected",
		`@string('a') b`:                "follows",
		`@`:                             "too soon",
		`@word`:                         "not an expression",
		`a@{string('a')`:                "expected",
		`@not(1)`:                       "boolean",
		`@less('a', 1)`:                 "numbers",
		`@json('{')`:                    "json",
	} {
		w := load(t, `{"A":{"type":"Compose","inputs":{"a":[]}},"B":{"type":"Compose","inputs":"","runAfter":{"A":["Succeeded"]}}}`)
		if err := w.Edit(text, "definition", "actions", "B", "inputs"); err != nil {
			t.Fatal(err)
		}
		run, err := (&logicapps.Engine{}).Run(t.Context(), w, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := run.Of("B")[0]
		if run.Status != logicapps.Failed || b.Status != logicapps.Failed || b.Err == nil || !strings.Contains(b.Err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, b.Err, want)
		}
	}
}

func TestNumbersAndTextsAreRespelled(t *testing.T) {
	for text, want := range map[string]string{
		`1`: `1`, `-0`: `0`, `1.0`: `1.0`, `1.10`: `1.1`, `1e2`: `100.0`, `-0.0`: `-0.0`, `1E-7`: `1E-07`, `0.00001`: `1E-05`, `0.0001`: `0.0001`,
		`123456789012345678901234567890`: `123456789012345678901234567890`, `1e15`: `1E+15`, `99999999999999.5`: `99999999999999.5`,
		`0.1e1`:                      `1.0`,
		`"\u00fc\/\u0001\n\r\t\"\\"`: `"ü/\u0001\n\r\t\"\\"`, `"\ud83d\ude00"`: `"😀"`, `"\u2028<"`: `"\u2028<"`,
	} {
		v, err := logicapps.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := show(t, v); got != "["+want+"]" {
			t.Errorf("%s is written %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{``, `{`, `[1`, `{"a":1,"a":2}`, `1 2`, `1e400`, `{"a"}`} {
		if v, err := logicapps.Parse([]byte(text)); err == nil {
			t.Errorf("Parse(%s) = %v, want an error", text, v)
		}
	}
}

func TestJSONIsWrittenInTwoWays(t *testing.T) {
	b := newBench(t)
	b.run(
		t,
		`{"A":{"type":"Http","inputs":{"method":"PUT","uri":"URL","body":["ü😀"]}},"B":{"type":"Http","inputs":{"method":"PUT","uri":"URL",`+
			`"body":["ü😀"]},"runAfter":{"A":["Succeeded"]}}}`,
	)
	if b.seen[0].body != `["ü😀"]` || b.seen[1].body != `["\u00fc\ud83d\ude00"]` {
		t.Errorf("sent %s and %s", b.seen[0].body, b.seen[1].body)
	}
}

func TestOrderAndStatus(t *testing.T) {
	for name, c := range map[string]struct{ actions, order, status string }{
		"in order of runAfter": {
			`{"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}},"A":{"type":"Compose","inputs":1}}`, "A+ B+ ",
			"Succeeded",
		},
		"a failure": {
			`{"A":{"type":"Compose","inputs":"@x"},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}`, "A! B- ",
			"Failed",
		},
		"a failure handled": {
			`{"A":{"type":"Compose","inputs":"@x"},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Failed"]}}}`, "A! B+ ",
			"Succeeded",
		},
		"an end": {
			`{"A":{"type":"Terminate","inputs":{"runStatus":"Cancelled"}},"B":{"type":"Compose","inputs":1,"runAfter":{"A":["Succeeded"]}}}`,
			"A+ ", "Cancelled",
		},
		"if": {
			`{"I":{"type":"If","expression":{"and":[{"not":{"equals":["@parameters('p')","x"]}},{"less":[1,2]}]},` +
				`"actions":{"A":{"type":"Compose","inputs":1}},"else":{"actions":{"B":{"type":"Compose","inputs":1}}}}}`,
			"A+ I+ ", "Succeeded",
		},
		"else": {
			`{"I":{"type":"If","expression":"@equals(1,2)",` +
				`"actions":{"A":{"type":"Compose","inputs":1}},"else":{"actions":{"B":{"type":"Compose","inputs":1}}}}}`,
			"B+ I+ ", "Succeeded",
		},
		"no condition": {`{"I":{"type":"If","expression":"@x","actions":{}}}`, "I! ", "Failed"},
		"until its limit": {
			`{"U":{"type":"Until","expression":"@equals(1,2)","limit":{"count":2},"actions":{"A":{"type":"Compose","inputs":1}}}}`,
			"A+ A+ U+ ", "Succeeded",
		},
		"until it holds": {
			`{"U":{"type":"Until","expression":"@equals(outputs('A'),1)","limit":{"count":9},"actions":{"A":{"type":"Compose","inputs":1}}}}`,
			"A+ U+ ", "Succeeded",
		},
		"an unset variable": {`{"A":{"type":"SetVariable","inputs":{"name":"v","value":1}}}`, "A! ", "Failed"},
	} {
		run, err := (&logicapps.Engine{}).Run(t.Context(), load(t, c.actions), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var order string
		for _, a := range run.Actions {
			order += a.Name + map[string]string{logicapps.Succeeded: "+", logicapps.Failed: "!", logicapps.Skipped: "-"}[a.Status] + " "
		}
		if order != c.order || run.Status != c.status {
			t.Errorf("%s: %s%s, want %s%s", name, order, run.Status, c.order, c.status)
		}
	}
}

func TestDefinitionsThatCannotBeRun(t *testing.T) {
	for actions, want := range map[string]string{
		`{"A":{"type":"Function","inputs":1}}`:                                                                    "not supported here",
		`{"A":{"type":"Compose","input":1}}`:                                                                      `"input"`,
		`{"A":{"type":"If","actions":{"A":{"type":"Compose"}}}}`:                                                  "two actions",
		`{"A":{"type":"Compose","inputs":1,"runAfter":{"Z":["Succeeded"]}}}`:                                      "cycle",
		`{"A":{"type":"Until","expression":"@equals(1,1)","actions":{}}}`:                                         "limit",
		`{"A":{"type":"Until","expression":"@equals(1,1)","actions":{"B":{"type":"Http","retryPolicy":"none"}}}}`: "retryPolicy",
	} {
		if _, err := (&logicapps.Engine{}).Run(t.Context(), load(t, actions), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", actions, err, want)
		}
	}
	for document, want := range map[string]string{
		`[]`:                            "no definition",
		`{"definition":{"trigger":{}}}`: `"trigger"`,
		`{"definition":{"triggers":{"a":{"type":"Queue"}}}}`: "Queue",
		`{"definition":{"triggers":{}}}`:                     "one trigger",
	} {
		if _, err := logicapps.Load([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%s): got %v, want %q", document, err, want)
		}
	}
	w, err := logicapps.Load([]byte(`{"definition":{"parameters":{"p":{"type":"String"}},"triggers":{"r":{"type":"Recurrence"}},` +
		`"actions":{}},"parameters":{"p":{"value":1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&logicapps.Engine{}).Run(t.Context(), w, nil); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := w.Edit(nil, "parameters", "q", "value"); err == nil || w.At("parameters", "q") != nil || w.At("parameters", "p") == nil {
		t.Error("Edit creates a missing member")
	}
}

func TestWaitsSleepAndEndWithTheContext(t *testing.T) {
	w := load(t, `{"A":{"type":"Wait","inputs":{"interval":{"count":2,"unit":"Minute"}}}}`)
	var slept time.Duration
	e := logicapps.Engine{Sleep: func(_ context.Context, d time.Duration) error { slept = d; return nil }}
	if run, err := e.Run(t.Context(), w, nil); err != nil || run.Status != logicapps.Succeeded || slept != 2*time.Minute {
		t.Errorf("slept %v, %v", slept, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	e.Sleep = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	if _, err := e.Run(ctx, w, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestHistoryHidesWhatIsSecure(t *testing.T) {
	run, err := (&logicapps.Engine{}).Run(t.Context(), load(t, `{
		"Open":{"type":"Compose","inputs":"seen"},
		"In":{"type":"Compose","inputs":"half","runtimeConfiguration":{"secureData":{"properties":["inputs"]}}},
		"Both":{"type":"Compose","inputs":"hidden","runtimeConfiguration":{"secureData":{"properties":["inputs","outputs"]}}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Open Succeeded inputs seen outputs seen\nIn Succeeded outputs half\nBoth Succeeded\n"; run.History() != want {
		t.Errorf("History = %q, want %q", run.History(), want)
	}
}
