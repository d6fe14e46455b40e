package httpapi_test

import (
	"testing"

	"souk/internal/httpapi"
)

func TestCheckIfMatch(t *testing.T) {
	for header, ok := range map[string]bool{
		"": true, "*": true, `"7"`: true, `W/"7"`: true, `"6", "7"`: true,
		`"6"`: false, "7": false, `"77"`: false,
	} {
		if err := httpapi.CheckIfMatch(header, 7); (err == nil) != ok {
			t.Errorf("If-Match: %s at version 7: %v", header, err)
		}
	}
	if httpapi.ETag(7) != `"7"` {
		t.Error(httpapi.ETag(7))
	}
}
