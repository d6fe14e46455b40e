// Package lang holds what the pages say, in each language.
package lang

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Languages are those that there are texts in; the first is the default.
var Languages = []language.Tag{language.English, language.German}

//go:embed en de
var files embed.FS

var bundle, known = load()

func load() (*i18n.Bundle, map[string]map[string]bool) {
	b := i18n.NewBundle(Languages[0])
	b.RegisterUnmarshalFunc("json", json.Unmarshal)
	known := map[string]map[string]bool{}
	for _, tag := range Languages {
		known[tag.String()] = map[string]bool{}
		names, err := fs.Glob(files, tag.String()+"/*.json")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			text, err := files.ReadFile(name)
			if err != nil {
				panic(err)
			}
			// The library takes the language from the file's name.
			file, err := b.ParseMessageFileBytes(text, path.Base(name)+"."+tag.String()+".json")
			if err != nil {
				panic(fmt.Errorf("%s: %w", name, err)) // ours: found by any test
			}
			for _, m := range file.Messages {
				if known[tag.String()][m.ID] {
					panic(fmt.Errorf("%s: another file has a text named %s, too", name, m.ID))
				}
				known[tag.String()][m.ID] = true
			}
		}
	}
	return b, known
}

// Known says whether there is a text of this name.
func Known(id string) bool { return known[Languages[0].String()][id] }

// Text says things in one language.
type Text struct {
	Lang      string // as in the lang attribute
	localizer *i18n.Localizer
}

// For returns the language that was chosen, or else the one that the browser
// asks for (Accept-Language), or else the default.
func For(chosen, accept string) *Text {
	tag, _ := language.MatchStrings(language.NewMatcher(Languages), chosen, accept)
	base, _ := tag.Base()
	return &Text{Lang: base.String(), localizer: i18n.NewLocalizer(bundle, base.String())}
}

// T returns the text of that name, with the values of pairs "name", value put in.
// A value named "n" also chooses between singular and plural. A name that is not
// known is returned as it is.
func (t *Text) T(id string, pairs ...any) string {
	c := &i18n.LocalizeConfig{MessageID: id}
	if len(pairs) > 0 {
		data := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			name := fmt.Sprint(pairs[i])
			data[name] = pairs[i+1]
			if name == "n" {
				c.PluralCount = pairs[i+1]
			}
		}
		c.TemplateData = data
	}
	text, err := t.localizer.Localize(c)
	if err != nil && text == "" {
		return id
	}
	return text
}

// Or returns the text of that name, or fallback when there is none.
func (t *Text) Or(id, fallback string) string {
	if !Known(id) {
		return fallback
	}
	return t.T(id)
}
