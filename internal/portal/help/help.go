// Package help holds the documentation for end users, in each language, and
// shows it with an organization's own names in its examples.
package help

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

//go:embed en de
var files embed.FS

// Names are the pages, in the order in which they are read.
var Names = []string{"order", "connect", "bindings", "change", "delete", "costs", "cli", "api", "tokens"}

// Page is a page in one language.
type Page struct {
	Name, Title string
	text        string
}

var pages = load()

func load() map[string][]Page {
	all := map[string][]Page{}
	for _, language := range []string{"en", "de"} {
		for _, name := range Names {
			text, err := files.ReadFile(language + "/" + name + ".md")
			if err != nil {
				panic(err) // ours: found by any test
			}
			title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
			all[language] = append(all[language], Page{name, title, string(text)})
		}
	}
	return all
}

// Pages are all pages in a language.
func Pages(language string) []Page { return pages[language] }

// Find returns the page of that name.
func Find(language, name string) (Page, bool) {
	for _, p := range pages[language] {
		if p.Name == name {
			return p, true
		}
	}
	return Page{}, false
}

// Search returns the pages that have all the words.
func Search(language, words string) []Page {
	var found []Page
	for _, p := range pages[language] {
		text, all := strings.ToLower(p.text), true
		for _, w := range strings.Fields(strings.ToLower(words)) {
			all = all && strings.Contains(text, w)
		}
		if all {
			found = append(found, p)
		}
	}
	return found
}

// Example is what the examples are about.
type Example struct{ Organization, Project, Instance, Server string }

// HTML shows the page, without its title. Copy is what the buttons say that copy
// an example, and then that it is done.
func (p Page) HTML(e Example, copy, copied string) (string, error) {
	_, text, _ := strings.Cut(p.text, "\n")
	text = strings.NewReplacer("{{org}}", e.Organization, "{{project}}", e.Project, "{{instance}}", e.Instance, "{{server}}", e.Server).Replace(text)
	return HTML(text, copy, copied)
}

// HTML shows a text of ours in Markdown, with buttons as Page.HTML has them.
func HTML(text, copy, copied string) (string, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(examples{copy, copied}, 100))))
	var out bytes.Buffer
	err := md.Convert([]byte(text), &out)
	return out.String(), err
}

// examples shows code so that it can be copied, and scrolled by keyboard.
type examples struct{ copy, copied string }

// RegisterFuncs implements renderer.NodeRenderer.
func (x examples) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, x.code)
}

func (x examples) code(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	var text strings.Builder
	for i := range node.Lines().Len() {
		line := node.Lines().At(i)
		text.Write(line.Value(source))
	}
	code := html.EscapeString(text.String())
	_, err := fmt.Fprintf(w, `<div class="copyable"><pre tabindex="0"><code>%s</code></pre><button type="button" class="quiet" data-copy="%s" data-copied="%s" hidden>%s</button></div>`+"\n",
		code, code, html.EscapeString(x.copied), html.EscapeString(x.copy))
	return ast.WalkSkipChildren, err
}
