package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
)

func TestWriteError_TokenRefusalsSayWhatToFix(t *testing.T) {
	for err, test := range map[error]struct {
		status int
		detail string
	}{
		access.ErrTokenTime:                         {http.StatusUnauthorized, "The token has expired"},
		access.ErrTokenAudience:                     {http.StatusUnauthorized, "The token is for another audience"},
		access.ErrPerson:                            {http.StatusForbidden, "The token is a person's"},
		fmt.Errorf("%w: someone", access.ErrNoRole): {http.StatusForbidden, "The caller has none of the roles"},
		access.ErrBadCredentials:                    {http.StatusUnauthorized, "The API key or token is not valid"},
		access.ErrForbidden:                         {http.StatusForbidden, "The caller is known"},
	} {
		w := httptest.NewRecorder()
		handlers.WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), err)
		if w.Code != test.status || !strings.Contains(w.Body.String(), `"detail":"`+test.detail) {
			t.Errorf("%v: got %d %s", err, w.Code, w.Body)
		}
	}
}
