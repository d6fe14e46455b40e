package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/api/client"
)

// manifest is one instance as a file describes it.
type manifest struct {
	organization string // empty: the one in force
	project      string // empty: the one in force
	name         string
	labels       map[string]string
	spec         api.InstanceSpec
}

func (m manifest) put() api.InstancePut {
	put := api.InstancePut{Spec: m.spec}
	put.Metadata.Labels = m.labels
	return put
}

// readManifests reads a file of documents, in YAML or JSON; "-" is stdin.
func (a *App) readManifests(path string) ([]manifest, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(a.In)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the documents: %w", err)
	}
	all, err := parseManifests(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there is no document in it", path)
	}
	return all, nil
}

func parseManifests(text []byte) ([]manifest, error) {
	var all []manifest
	seen := map[string]bool{}
	for i, document := range documents(text) {
		found, err := parseDocument(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		for _, m := range found {
			key := m.organization + "/" + m.project + "/" + m.name
			if seen[key] {
				return nil, fmt.Errorf("document %d: instance %s is in the file twice", i+1, m.name)
			}
			seen[key] = true
		}
		all = append(all, found...)
	}
	return all, nil
}

// documents splits a stream of YAML documents and leaves out empty ones.
func documents(text []byte) [][]byte {
	var all [][]byte
	var current bytes.Buffer
	flush := func() {
		if document, err := yaml.YAMLToJSON(current.Bytes()); err != nil || string(document) != "null" {
			all = append(all, bytes.Clone(current.Bytes()))
		}
		current.Reset()
	}
	for line := range bytes.Lines(text) {
		if mark := strings.TrimRight(string(line), " \t\r\n"); mark == "---" || strings.HasPrefix(mark, "--- ") {
			flush()
			line = line[3:]
		}
		current.Write(line)
	}
	flush()
	return all
}

// instanceFields are the parts of a document. What the server alone writes may
// be there, so that what `get -o yaml` prints can be applied.
type instanceFields struct {
	Kind       string          `json:"kind"`
	APIVersion string          `json:"apiVersion"`
	Metadata   json.RawMessage `json:"metadata"`
	Spec       json.RawMessage `json:"spec"`
	Status     json.RawMessage `json:"status"`
}

func parseDocument(text []byte) ([]manifest, error) {
	document, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("it is not valid YAML or JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(document, &list) == nil && list.Items != nil {
		return parseItems(list.Items)
	}
	var fields instanceFields
	if err := strict(document, &fields, ""); err != nil {
		return nil, err
	}
	if fields.Kind != "Instance" {
		return nil, fmt.Errorf("kind is %q; only kind: Instance can be applied", fields.Kind)
	}
	var meta api.Metadata
	if err := strict(fields.Metadata, &meta, "metadata."); err != nil {
		return nil, err
	}
	m := manifest{organization: meta.Organization, project: meta.Project, name: meta.Name, labels: meta.Labels}
	if m.name == "" {
		return nil, fmt.Errorf("metadata.name is missing")
	}
	if fields.Spec == nil {
		return nil, fmt.Errorf("instance %s has no spec", m.name)
	}
	if err := strict(fields.Spec, &m.spec, "spec."); err != nil {
		return nil, fmt.Errorf("instance %s: %w", m.name, err)
	}
	return []manifest{m}, nil
}

func parseItems(items []json.RawMessage) ([]manifest, error) {
	var all []manifest
	for _, item := range items {
		found, err := parseDocument(item)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// strict decodes one part of a document and names what does not belong in it.
func strict(part json.RawMessage, into any, prefix string) error {
	if part == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(part))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	err := decoder.Decode(into)
	if err == nil {
		return nil
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown field %s%s", prefix, strings.Trim(name, `"`))
	}
	if wrong, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Errorf("%s cannot be a %s", strings.TrimSuffix(prefix+wrong.Field, "."), wrong.Value)
	}
	return err
}

// projectOf returns the project that a manifest is about.
func (a *App) projectOf(base *client.Client, force *client.Project, m manifest) *client.Project {
	organization, project := force.Organization, force.Name
	if m.organization != "" {
		organization = m.organization
	}
	if m.project != "" {
		project = m.project
	}
	return base.Organization(organization).Project(project)
}
