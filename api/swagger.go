package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// serveSwagger fills in the host that the caller used, which designers need to find the service again. No cache may
// give one caller's response to another.
func (s *server) serveSwagger() http.Handler {
	pieces := sync.OnceValue(swaggerPieces)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		public := s.publicAddress(r)
		values := map[string]string{"host": public.Host, "scheme": public.Scheme, "base": cmp.Or(strings.TrimSuffix(public.Path, "/"), "/")}
		openToAll(w.Header(), "application/json")
		w.Header().Set("Cache-Control", "no-store")
		for _, piece := range pieces() {
			text := piece.text
			if piece.value != "" {
				text, _ = json.Marshal(values[piece.value]) // strings always marshal
			}
			if _, err := w.Write(text); err != nil {
				return // the client may be gone
			}
		}
	})
}

// piece is a part of the description: text, or the name of an address value.
type piece struct {
	text  []byte
	value string
}

// swaggerPieces splits the description at its placeholders, which are strings that begin with the character 0.
func swaggerPieces() []piece {
	var pieces []piece
	for i, part := range bytes.Split(Swagger, []byte(`"\u0000`)) {
		if i > 0 {
			var name []byte
			name, part, _ = bytes.Cut(part, []byte(`"`))
			pieces = append(pieces, piece{value: string(name)})
		}
		pieces = append(pieces, piece{text: part})
	}
	return pieces
}
