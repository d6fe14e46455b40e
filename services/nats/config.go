package nats

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

// Fixed names within an instance.
const (
	account       = "APP"        // the users' one account
	administrator = "souk_admin" // in the server's own account; its password is on no disk
)

// config is all of an instance's configuration.
type config struct {
	text string
	tags tags // identify the settings that take a restart, and everything
}

// configure derives the configuration of an instance. Passwords whose hashes are
// there keep them. The certificate counts as part of it, for a new one needs a
// reload too.
func configure(job *process.Job, certificate []byte, hashes map[string]string) (config, error) {
	chosen, err := choose(job.Want.Parameters)
	if err != nil {
		return config{}, err
	}
	all, ok := driver.AllOrNone(job.Want.AllowedNetworks)
	if !ok {
		return config{}, refused("NATS cannot let some networks in and keep others out: allow everybody (0.0.0.0/0) or nobody.")
	}
	credentials := job.Want.Credentials
	if !all {
		credentials = nil // nobody gets in, and those who are lose their sessions
	}
	users, err := userLines(credentials, hashes)
	if err != nil {
		return config{}, err
	}
	admin, err := userLine(administrator, job.Secret(administrator), hashes)
	if err != nil {
		return config{}, err
	}
	probe, err := userLine(probeLogin, job.Secret(probeLogin), hashes)
	if err != nil {
		return config{}, err
	}
	disk := job.Want.StorageGiB << 30 / 10 * 9
	if job.ReadOnly {
		disk = 1
	}
	start := fmt.Sprintf("listen: %q\ntls { cert_file: %q, key_file: %q }\n"+
		"jetstream { store_dir: %q, max_memory_store: 1TB, max_file_store: 1000TB }\n",
		net.JoinHostPort(job.Address, strconv.Itoa(job.Port)), serverFile, serverFile, dataFolder)
	live := chosen + fmt.Sprintf("accounts {\n  SYS { users: [\n%s  ] }\n  %s { jetstream: { max_memory: %d, max_file: %d, max_streams: -1, max_consumers: -1 }, users: [\n%s  ] }\n"+
		"  %s { jetstream: { max_memory: 65536, max_file: 65536, max_streams: 1, max_consumers: 1 }, users: [\n%s  ] }\n}\nsystem_account: SYS\n",
		admin, account, job.Want.Plan.MemoryMiB<<20/4, disk, users, probeAccount, probe)
	c := config{tags: tags{start: fingerprint(start, strconv.FormatInt(job.Want.Plan.MemoryMiB, 10))}}
	c.tags.all = fingerprint(start, live, string(certificate))
	c.text = "# Written by Souk; changes are lost.\n" + start + live + fmt.Sprintf("server_tags: [%q, %q]\n", tagStart+c.tags.start, tagAll+c.tags.all)
	return c, nil
}

func fingerprint(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func userLines(credentials []driver.Credential, hashes map[string]string) (string, error) {
	var lines []string
	for _, c := range credentials {
		if strings.HasPrefix(c.Login, "souk_") || !loginName.MatchString(c.Login) {
			return "", refused(fmt.Sprintf("The log-in name %.70q cannot be used: it must begin with a letter and hold only a-z, 0-9 and _, 63 at most, and some names are reserved.", c.Login))
		}
		line, err := userLine(c.Login, c.Password, hashes)
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, ""), nil
}

var (
	loginName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	userForm  = regexp.MustCompile(`\{ user: "([a-z0-9_]+)", password: "([^"]+)" \}`)
)

// userLine is a log-in as the server reads it, with a hash of its password. These
// are random enough that the least work for a hash is enough.
func userLine(login, password string, hashes map[string]string) (string, error) {
	hash := hashes[login]
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
		made, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return "", fmt.Errorf("hash a password: %w", err)
		}
		hash = string(made)
	}
	return fmt.Sprintf("    { user: %q, password: %q }\n", login, hash), nil
}

// hashesIn are the hashes that a configuration has, by log-in.
func hashesIn(text string) map[string]string {
	hashes := map[string]string{}
	for _, found := range userForm.FindAllStringSubmatch(text, -1) {
		hashes[found[1]] = found[2]
	}
	return hashes
}

// offered are the defaults of the settings that users may choose, by name; all of
// them are whole numbers.
var offered = sync.OnceValue(func() map[string]float64 {
	var schema struct {
		Properties map[string]struct {
			Default float64 `json:"default"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(parameters, &schema); err != nil {
		panic("nats: parameters.schema.json: " + err.Error())
	}
	defaults := map[string]float64{}
	for name, p := range schema.Properties {
		defaults[name] = p.Default
	}
	return defaults
})

// choose renders all settings that users may choose, theirs or the defaults.
func choose(wanted map[string]any) (string, error) {
	values := maps.Clone(offered())
	for name, value := range wanted {
		if _, ok := values[name]; !ok {
			return "", refused(fmt.Sprintf("NATS has no setting %q that can be chosen.", name))
		}
		switch v := value.(type) {
		case float64:
			values[name] = v
		case json.Number:
			number, err := v.Float64()
			if err != nil {
				return "", refused(fmt.Sprintf("The setting %s is not a number.", name))
			}
			values[name] = number
		default:
			return "", refused(fmt.Sprintf("The setting %s is not a number.", name))
		}
	}
	return fmt.Sprintf("max_connections: %d\nmax_payload: %d\nping_interval: \"%ds\"\n",
		int64(values["max_connections"]), int64(values["max_payload"]), int64(values["ping_interval"])), nil
}

func refused(message string) error {
	return &driver.BlockedError{Message: message, BlockedBy: "you", Permanent: true}
}
