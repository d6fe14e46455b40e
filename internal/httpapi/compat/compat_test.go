package compat_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"souk/internal/httpapi/compat"
)

const before = `{
 "paths": {
  "/things": {
   "get": {"parameters": [{"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100}}],
    "responses": {"200": {"headers": {"ETag": {}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
   "post": {"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
    "responses": {"201": {}}}
  }
 },
 "components": {"schemas": {
  "Thing": {"type": "object", "additionalProperties": false, "required": ["name"],
   "properties": {
    "name": {"type": "string", "maxLength": 63},
    "size": {"type": "string", "enum": ["small", "large"]},
    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
   }}
 }}
}`

func TestBreaking(t *testing.T) {
	const thing = "/components/schemas/Thing"
	tests := []struct {
		name string
		path string // JSON pointer, simplified: keys by "/", "~" for "/" in a key
		to   string // JSON, or "" to remove
		want []string
	}{
		{"nothing", "/info", `{}`, nil},
		{"a path removed", "/paths/~things", "", []string{"GET /things: the operation is gone", "POST /things: the operation is gone"}},
		{"an operation removed", "/paths/~things/get", "", []string{"GET /things: the operation is gone"}},
		{"an operation added", "/paths/~things/delete", `{}`, nil},
		{"a token needed", "/paths/~things/get/security", `[{"token": []}]`, []string{"GET /things: needs a token now"}},
		{"a parameter removed", "/paths/~things/get/parameters", `[]`, []string{"GET /things: the parameter query.limit is gone"}},
		{"a parameter required", "/paths/~things/get/parameters/0/required", `true`, []string{"GET /things: the parameter query.limit is required now"}},
		{"a parameter bounded", "/paths/~things/get/parameters/0/schema/maximum", `50`, []string{"GET /things query.limit: maximum was 100 and is 50"}},
		{"an answer removed", "/paths/~things/get/responses/200", "", []string{"GET /things: answer 200 is gone"}},
		{"a header removed", "/paths/~things/get/responses/200/headers", "", []string{"GET /things: answer 200 has no header ETag any more"}},
		{"an optional field added", thing + "/properties/colour", `{"type": "string"}`, nil},
		{"a field removed", thing + "/properties/size", "", []string{"answer Thing: the field size is gone", "request Thing: the field size is gone"}},
		{"a field required", thing + "/required", `["name", "size"]`, []string{"request Thing: the field size is required now"}},
		{"a field no longer there", thing + "/required", `[]`, []string{"answer Thing: the field name is not always there any more"}},
		{"a value removed", thing + "/properties/size/enum", `["small"]`, []string{"request Thing.size: does not take large any more"}},
		{"a value added", thing + "/properties/size/enum", `["small", "medium", "large"]`, nil},
		{"values listed", thing + "/properties/name/enum", `["a"]`, []string{"request Thing.name: takes only certain values now"}},
		{"a shorter text", thing + "/properties/name/maxLength", `10`, []string{"request Thing.name: maxLength was 63 and is 10"}},
		{"a longer text", thing + "/properties/name/maxLength", `100`, nil},
		{"a pattern", thing + "/properties/name/pattern", `"^a"`, []string{"request Thing.name: pattern was <nil> and is ^a"}},
		{"another type", thing + "/properties/name/type", `"integer"`, []string{"answer Thing.name: the type was string and is integer", "request Thing.name: the type was string and is integer"}},
		{"null as well", thing + "/properties/name/type", `["string", "null"]`, []string{"answer Thing.name: the type was string and is [string null]"}},
		{"fields refused", thing + "/additionalProperties", `true`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := compat.Breaking([]byte(before), edit(t, test.path, test.to))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

// edit returns the document with one value replaced.
func edit(t *testing.T, path, to string) []byte {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(before), &doc); err != nil {
		t.Fatal(err)
	}
	keys := strings.Split(strings.TrimPrefix(path, "/"), "/")
	at := doc
	for _, key := range keys[:len(keys)-1] {
		if l, ok := at.([]any); ok {
			at = l[key[0]-'0']
		} else {
			at = at.(map[string]any)[strings.ReplaceAll(key, "~", "/")]
		}
	}
	last := strings.ReplaceAll(keys[len(keys)-1], "~", "/")
	delete(at.(map[string]any), last)
	if to != "" {
		var v any
		if err := json.Unmarshal([]byte(to), &v); err != nil {
			t.Fatal(err)
		}
		at.(map[string]any)[last] = v
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
