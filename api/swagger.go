package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// serveSwagger fills in the host by which the caller came, which designers need to find the service again. No cache
// may give one caller's to another.
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
				text, _ = json.Marshal(values[piece.value]) // a text always marshals
			}
			if _, err := w.Write(text); err != nil {
				return // a client that is gone cannot be told anything more
			}
		}
	})
}

// piece is a part of the description: text, or the name of a value of the address.
type piece struct {
	text  []byte
	value string
}

// swaggerPieces are the description around the values, which stand in it as texts that begin with the character 0.
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
