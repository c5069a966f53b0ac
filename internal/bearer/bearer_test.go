package bearer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/internal/bearer"
)

func TestToken_IsNeverRevealed(t *testing.T) {
	const text, issuer, subject = "eyJ0ZXN0.EXAMPLE.signature", "https://shop.example/", "auth0|5f7c"
	token := bearer.New(text, issuer, subject, time.Unix(2_000_000_000, 0), true)
	if token.Text() != text {
		t.Fatalf("Text() = %q", token.Text())
	}
	type holder struct {
		Name  string
		Login *bearer.Token
		Value bearer.Token
	}
	var out bytes.Buffer
	for _, value := range []any{token, *token, holder{"x", token, *token}, &holder{"x", token, *token}, []*bearer.Token{token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Error(err)
		}
		out.Write(encoded)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "token", value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", value)
	}
	if text := fmt.Sprintf("%p", *token); strings.Contains(text, "EXAMPLE") { // a verb for which fmt calls no method
		t.Errorf("%%p shows %s", text)
	}
	for _, part := range []string{"eyJ0ZXN0", "EXAMPLE", "auth0", "shop.example", "65794a30"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q is shown:\n%s", part, &out)
		}
	}
}
