package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// pages reads a listing so many items at a time; between is done after each page.
func pages[T any](t *testing.T, e *httpapitest.Env, path, token string, limit int, between func()) (all []T) {
	t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	for cursor := ""; ; {
		var page api.List[T]
		e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: fmt.Sprintf("%s%slimit=%d&cursor=%s", path, join, limit, cursor), Token: token}).Want(t, http.StatusOK).Decode(t, &page)
		if len(page.Items) > limit {
			t.Fatalf("%s: %d items where %d were asked for", path, len(page.Items), limit)
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
		if between != nil {
			between()
		}
	}
}
