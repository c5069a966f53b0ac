package reading

import (
	"strings"
	"testing"
)

func TestUnsigned_RemovesTheOldSignature(t *testing.T) {
	const signature = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fs3%2Faws4_request&" +
		"X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
	for name, test := range map[string]struct {
		paste, url, headers string
		signed              bool
	}{
		"headers": {
			paste: "curl https://sqs.eu-west-1.amazonaws.com/ -d a=b -H 'X-Amz-Date: 20150830T123600Z' -H 'Authorization: " +
				"AWS4-HMAC-SHA256 Credential=x' -H 'x-amz-meta-a: b' -H 'x-amz-content-sha256: " + strings.Repeat("0f", 32) + "'",
			url: "https://sqs.eu-west-1.amazonaws.com/", headers: "x-amz-meta-a,Content-Type", signed: true,
		},
		"another scheme stays": {
			paste: "curl https://example.com/ -H 'Authorization: Bearer abc'", url: "https://example.com/", headers: "Authorization",
		},
		"unsigned payload stays": {
			paste: "curl https://example.com/ -H 'x-amz-content-sha256: " +
				"UNSIGNED-PAYLOAD'", url: "https://example.com/", headers: "x-amz-content-sha256",
		},
		"presigned": {
			paste: "https://b.s3.eu-west-1.amazonaws.com/k?" + signature + "&X-Amz-Signature=00",
			url:   "https://b.s3.eu-west-1.amazonaws.com/k", signed: true,
		},
		"presigned, mixed": {
			paste: "https://b.s3.eu-west-1.amazonaws.com/k?a=1&" + signature + "&X-Amz-Signature=00&b=2",
			url:   "https://b.s3.eu-west-1.amazonaws.com/k?a=1&b=2", signed: true,
		},
		"presigned, in front": {
			paste: "https://b.s3.eu-west-1.amazonaws.com/k?" + signature + "&X-Amz-Signature=00&b=2&c",
			url:   "https://b.s3.eu-west-1.amazonaws.com/k?b=2&c", signed: true,
		},
		"no signature": {
			paste: "https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Expires=3",
			url:   "https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Expires=3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := Read(test.paste)
			q, signed := r.Request().Unsigned()
			var headers []string
			for _, h := range q.Headers {
				headers = append(headers, h.Name.Text())
			}
			if got := strings.Join(headers, ","); q.URL.Text() != test.url || got != test.headers || signed != test.signed {
				t.Errorf("%s %s %v, want %s %s %v", q.URL.Text(), got, signed, test.url, test.headers, test.signed)
			}
		})
	}
}

func TestUnsigned_PlaceholdersStayAtTheirBytes(t *testing.T) {
	for _, paste := range []string{
		`curl "https://h.example/$A?X-Amz-Signature=1&a=$B&X-Amz-Date=2&c=${C}" -H "X-Amz-Date: $D" -H "x-a: $E" -d "x=$F"`,
		`curl "https://h.example/$A?a=$B&X-Amz-Signature=1&c=$C" -H "X-Amz-Date: $D" -H "x-a: $E" -d "x=$F"`,
		`curl "https://h.example/$A?X-Amz-Date=$D&X-Amz-Signature=$D&c=$B$C" -H "x-a: $E" -d "x=$F"`,
	} {
		r := Read(paste)
		q, _ := r.Request().Unsigned()
		found := 0
		values := map[string]string{}
		q.Each(func(field string, v Value) { values[field] = v.Text() })
		for _, p := range q.Placeholders {
			found++
			if got := values[p.Field][p.Start:p.End]; got != p.Text.Text() || got == "$D" {
				t.Errorf("%s: %s has %q where %q stood", paste, p.Field, got, p.Text.Text())
			}
		}
		if found != 5 {
			t.Errorf("%s: %d placeholders, want 5: %v", paste, found, q.Placeholders)
		}
	}
}

func TestPieces_LocateEachByte(t *testing.T) {
	paste := `curl 'https://h.example/a'"\"b" -H 'x-a: '$'\u00e9x'`
	r := Read(paste)
	q := r.Request()
	for _, test := range []struct {
		value Value
		want  string
	}{
		{q.URL, `https://h.example/a=https://h.example/a "=\" b=b`},
		{q.Headers[len(q.Headers)-1].Value, `é=\u00e9 x=x`},
	} {
		var got []string
		for _, p := range test.value.Pieces(100) {
			got = append(got, test.value.Text()[p.In.Start:p.In.End]+"="+paste[p.Paste.Start:p.Paste.End])
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if all := test.value.Pieces(1); len(all) != 1 || all[0].In != (Span{0, test.value.Len()}) {
			t.Errorf("with a limit of one: %v", all)
		}
	}
}
