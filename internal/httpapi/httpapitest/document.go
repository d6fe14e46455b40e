package httpapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is an OpenAPI document that answers are checked against.
type Document struct {
	root     map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex // the compiler is not safe for concurrent use
	schemas  map[string]*jsonschema.Schema
}

// ParseDocument reads an OpenAPI 3.1 document, whose schemas are JSON Schema.
func ParseDocument(raw []byte) (*Document, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(documentURL, root); err != nil {
		return nil, err
	}
	object, _ := root.(map[string]any)
	return &Document{root: object, compiler: c, schemas: map[string]*jsonschema.Schema{}}, nil
}

const documentURL = "urn:souk:openapi"

// Check says how an answer differs from what the document promises for the
// operation at the path.
func (d *Document) Check(method, path string, status int, header http.Header, body []byte) error {
	template, operation := d.operation(method, path)
	if operation == nil {
		return fmt.Errorf("%s %s is not in the document", method, path)
	}
	responses, _ := operation["responses"].(map[string]any)
	key := strconv.Itoa(status)
	response, ok := responses[key].(map[string]any)
	if !ok && status >= 400 {
		key = "default"
		response, ok = responses[key].(map[string]any)
	}
	if !ok {
		return fmt.Errorf("%s %s answered %d, which the document does not know", method, template, status)
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s %s answered %d with a body, which the document does not know", method, template, status)
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("%s %s answered %d without a content type: %w", method, template, status, err)
	}
	if content[media] == nil {
		return fmt.Errorf("%s %s answered %d with %s, which the document does not know", method, template, status, media)
	}
	if !strings.HasSuffix(media, "json") {
		return nil
	}
	location := documentURL + "#" + pointer("paths", template, strings.ToLower(method), "responses", key, "content", media, "schema")
	if err := d.validate(location, body); err != nil {
		return fmt.Errorf("%s %s answered %d, but not as the document says: %w\n%s", method, template, status, err, body)
	}
	return nil
}

func (d *Document) validate(location string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	schema := d.schemas[location]
	if schema == nil {
		if schema, err = d.compiler.Compile(location); err != nil {
			return err
		}
		d.schemas[location] = schema
	}
	return schema.Validate(value)
}

// operation finds the path template with the fewest variables that the path fits.
func (d *Document) operation(method, path string) (string, map[string]any) {
	paths, _ := d.root["paths"].(map[string]any)
	var best string
	var found map[string]any
	for template, item := range paths {
		operation, ok := item.(map[string]any)[strings.ToLower(method)].(map[string]any)
		if ok && fits(template, path) && (found == nil || strings.Count(template, "{") < strings.Count(best, "{")) {
			best, found = template, operation
		}
	}
	return best, found
}

func fits(template, path string) bool {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !strings.HasPrefix(a[i], "{") {
			return false
		}
	}
	return true
}

func pointer(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		s = strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
		b.WriteString("/" + strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D").Replace(s))
	}
	return b.String()
}

// Transport checks every answer of the API that passes through it.
type Transport struct {
	Base     http.RoundTripper // nil: http.DefaultTransport
	Document *Document
	// Differs is told of an answer that is not as the document says.
	Differs func(error)
}

// RoundTrip is http.RoundTripper's. Streams pass unchecked.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/api/v1/") || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	// An address that is not in the document has no answer to check but "not found".
	if _, operation := t.Document.operation(r.Method, r.URL.Path); operation == nil && (resp.StatusCode == 404 || resp.StatusCode == 405) && json.Valid(body) {
		return resp, nil
	}
	if err := t.Document.Check(r.Method, r.URL.Path, resp.StatusCode, resp.Header, body); err != nil {
		t.Differs(err)
	}
	return resp, nil
}
