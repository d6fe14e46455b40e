package postgresql

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"souk/internal/driver"
)

// parameter is what the driver needs to know of a setting; the schema's keyword
// x-restart marks those whose change restarts the server.
type parameter struct {
	Default any  `json:"default"`
	Restart bool `json:"x-restart"`
}

var offered = sync.OnceValue(func() map[string]parameter {
	var schema struct {
		Properties map[string]parameter `json:"properties"`
	}
	if err := json.Unmarshal(parameters, &schema); err != nil {
		panic("postgresql: parameters.schema.json: " + err.Error())
	}
	return schema.Properties
})

// settings are lines of postgresql.conf by name; restart says which of them
// only a restart brings into force.
type settings struct {
	value   map[string]string
	restart map[string]bool
}

// chosen renders all settings that users may choose, theirs or the defaults, as
// postgresql.conf takes them.
func chosen(wanted map[string]any) (settings, error) { return choose(wanted, quote, isTimeZone) }

// choose renders all settings that users may choose, with texts as write has
// them.
func choose(wanted map[string]any, write func(string) (string, error), isTimeZone func(string) bool) (settings, error) {
	s := settings{map[string]string{}, map[string]bool{}}
	for name := range wanted {
		if _, ok := offered()[name]; !ok {
			return s, refused(fmt.Sprintf("PostgreSQL has no setting %q that can be chosen.", name))
		}
	}
	for name, p := range offered() {
		value, ok := wanted[name]
		if !ok {
			value = p.Default
		}
		text, err := render(value, write)
		if err != nil {
			return s, refused(fmt.Sprintf("The setting %s %v.", name, err))
		}
		s.value[name], s.restart[name] = text, p.Restart
	}
	if zone, ok := wanted["timezone"].(string); ok && !isTimeZone(zone) {
		return s, refused(fmt.Sprintf("The setting timezone: there is no time zone %q; use a name such as Europe/Zurich.", zone))
	}
	return s, nil
}

func refused(message string) error {
	return &driver.BlockedError{Message: message, BlockedBy: "you", Permanent: true}
}

// isTimeZone looks a zone up where PostgreSQL does: a name that is not there
// would keep the server from starting.
func isTimeZone(name string) bool {
	if name == "UTC" {
		return true
	}
	if !pathSafe(name) {
		return false
	}
	info, err := os.Stat(path.Join("/usr/share/zoneinfo", name))
	return err == nil && info.Mode().IsRegular()
}

func pathSafe(name string) bool { return name != "" && path.Clean("/"+name) == "/"+name }

// render writes a value, with texts as write has them.
func render(value any, write func(string) (string, error)) (string, error) {
	switch v := value.(type) {
	case bool:
		if v {
			return "on", nil
		}
		return "off", nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return "", fmt.Errorf("is not a number: %q", v.String())
		}
		return v.String(), nil
	case int:
		return strconv.Itoa(v), nil
	case string:
		return write(v)
	}
	return "", fmt.Errorf("has a value of an unknown kind, %T", value)
}

// verbatim is a text without characters that cannot be printed.
func verbatim(text string) (string, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("holds a character that cannot be printed")
	}
	return text, nil
}

// quote writes a text for postgresql.conf.
func quote(text string) (string, error) {
	text, err := verbatim(text)
	if err != nil {
		return "", err
	}
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(text) + "'", nil
}

// lines renders settings in the order of their names.
func (s settings) lines(keep func(name string) bool) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.value)) {
		if keep(name) {
			fmt.Fprintf(&text, "%s = %s\n", name, s.value[name])
		}
	}
	return text.String()
}
