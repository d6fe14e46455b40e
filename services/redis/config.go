package redis

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

// config is all of an instance's configuration.
type config struct {
	// fixed are settings that the server takes at its start, live those that it is
	// told again whenever they may have changed.
	fixed, live map[string]string
	users       string // the log-ins, as the server's own file has them
}

// fixed are the same for every instance.
var fixed = map[string]string{
	"port":                     "0", // TLS only
	"tls-auth-clients":         "no",
	"tls-protocols":            `"TLSv1.2 TLSv1.3"`,
	"protected-mode":           "no", // the default user is off
	"enable-protected-configs": "no",
	"enable-debug-command":     "no",
	"enable-module-command":    "no",
	"databases":                strconv.Itoa(usersDatabase + 1), // and that of the probe
	"appendonly":               "yes",
	"appenddirname":            appendOnly,
	"appendfilename":           "appendonly.aof",
	"save":                     `""`,
	"daemonize":                "no",
	"logfile":                  `""`,
	"always-show-logo":         "no",
	"crash-log-enabled":        "no", // it shows what users sent
	"oom-score-adj":            "yes",
	"oom-score-adj-values":     "0 200 800", // where memory runs out, what writes the file anew goes first
}

// changeable are the settings of an instance that can change while the server runs,
// and whether anybody may connect.
func changeable(want driver.Instance) (live map[string]string, open bool, err error) {
	live, err = chosen(want.Parameters)
	if err != nil {
		return nil, false, err
	}
	open, ok := driver.AllOrNone(want.AllowedNetworks)
	if !ok {
		return nil, false, refused("Redis cannot let some networks in and keep others out: allow everybody (0.0.0.0/0) or nobody.")
	}
	live["maxmemory"] = strconv.FormatInt(memoryFor(want.Plan.MemoryMiB), 10)
	live["maxmemory-clients"] = "25%"
	return live, open, nil
}

// configure derives the configuration of an instance. Paths are seen from the
// data's folder.
func configure(job *process.Job) (config, error) {
	live, open, err := changeable(job.Want)
	if err != nil {
		return config{}, err
	}
	port := 0
	if open {
		port = job.Port
	}
	live["tls-port"] = strconv.Itoa(port)
	live["tls-cert-file"], live["tls-key-file"] = "../../"+serverFile, "../../"+serverFile
	if job.ReadOnly { // refuses what would add data, and nothing else
		live["maxmemory"], live["maxmemory-policy"] = "1", "noeviction"
	}
	users, err := logins(job.Want.Credentials, job.Secret)
	if err != nil {
		return config{}, err
	}
	own := maps.Clone(fixed)
	own["bind"] = job.Address
	own["dir"] = dataFolder
	own["unixsocket"] = "../../" + shim.RunFolder + "/" + socket
	own["unixsocketperm"] = "770" // the agent's group
	own["aclfile"] = "../../" + usersFile
	return config{fixed: own, live: live, users: userLines(users)}, nil
}

// memoryFor is what data may take of a plan's memory, in bytes: the rest is for
// connections, and for pages that change while a copy of the process writes the
// file anew.
func memoryFor(mib int64) int64 { return (mib << 20) / 100 * 60 }

// text is the configuration as the server reads it.
func (c config) text() string {
	var text strings.Builder
	text.WriteString("# Written by Souk; changes are lost.\n")
	for _, name := range slices.Sorted(maps.Keys(c.fixed)) {
		if name != "dir" {
			fmt.Fprintf(&text, "%s %s\n", name, c.fixed[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.live)) {
		fmt.Fprintf(&text, "%s %s\n", name, quote(c.live[name]))
	}
	return text.String() + "dir " + c.fixed["dir"] + "\n"
}

// quote writes a value that holds no character that would need more.
func quote(value string) string { return `"` + value + `"` }

// offered are the defaults of the settings that users may choose, by name.
var offered = sync.OnceValue(func() map[string]any {
	var schema struct {
		Properties map[string]struct {
			Default any `json:"default"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(parameters, &schema); err != nil {
		panic("redis: parameters.schema.json: " + err.Error())
	}
	defaults := map[string]any{}
	for name, p := range schema.Properties {
		defaults[name] = p.Default
	}
	return defaults
})

// chosen renders all settings that users may choose, theirs or the defaults.
func chosen(wanted map[string]any) (map[string]string, error) {
	for name := range wanted {
		if _, ok := offered()[name]; !ok {
			return nil, refused(fmt.Sprintf("Redis has no setting %q that can be chosen.", name))
		}
	}
	out := map[string]string{}
	for name, value := range offered() {
		if own, ok := wanted[name]; ok {
			value = own
		}
		text, err := render(value)
		if err != nil {
			return nil, refused(fmt.Sprintf("The setting %s %v.", name, err))
		}
		out[name] = text
	}
	return out, nil
}

func refused(message string) error {
	return &driver.BlockedError{Message: message, BlockedBy: "you", Permanent: true}
}

// render writes a value as the server takes it.
func render(value any) (string, error) {
	switch v := value.(type) {
	case bool:
		if v {
			return "yes", nil
		}
		return "no", nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return "", fmt.Errorf("is not a number: %q", v.String())
		}
		return v.String(), nil
	case string:
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			return "", fmt.Errorf("holds a character that it cannot have")
		}
		return v, nil
	}
	return "", fmt.Errorf("has a value of an unknown kind, %T", value)
}
