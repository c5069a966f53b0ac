package broker

import (
	"errors"
	"strings"
	"testing"

	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

func TestSentinels_HaveKnownCodes(t *testing.T) {
	for _, s := range sentinels {
		if !problem.Known(s.code) || s.detail == "" {
			t.Errorf("%v: code %q, detail %q", s.err, s.code, s.detail)
		}
	}
}

func TestInputProblem_NamesEveryPart(t *testing.T) {
	for part := signing.InputMethod; part <= signing.InputEndpoint; part++ {
		p := inputProblem(&signing.InputError{Part: part, Index: -1, Reason: "is wrong"})
		if len(p.Fields) != 1 || p.Fields[0].Part == "" {
			t.Errorf("%s: fields %v, want one with a part", part, p.Fields)
		}
	}
}

func TestSendErrors_HaveKnownCodesAndSayWhatToDo(t *testing.T) {
	for _, s := range sendErrors {
		if !problem.Known(s.code) || s.detail == "" {
			t.Errorf("%v: code %q, detail %q", s.err, s.code, s.detail)
		}
	}
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"a certificate that is not trusted": {&sending.Error{Kind: sending.ErrTLS}, "AWS_CA_BUNDLE"},
		"a chunk that is too large":         {&sending.Error{Kind: sending.ErrBody, Cause: sending.ErrChunk}, "at most 1 MiB"},
		"a body that is too large to hold":  {sending.ErrBodyTooLarge, "max_proxy_body_bytes"},
		"what cannot be sent":               {&sending.Error{Kind: sending.ErrUnsendable, Cause: errors.New("why")}, "signed: why."},
		"a connection that was lost":        {&sending.Error{Kind: sending.ErrNoResponse}, "the connection was lost"},
	} {
		if p := Problem(sendProblem(row.err, "GET")); !strings.Contains(p.Detail, row.want) {
			t.Errorf("%s: %s, want %q in it", name, p.Detail, row.want)
		}
	}
}
