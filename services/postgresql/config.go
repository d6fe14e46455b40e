package postgresql

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/shim"
)

// Files of an instance, relative to its folder.
const (
	clusterFolder = shim.DataFolder + "/pg"
	unfinished    = shim.DataFolder + "/pg.new" // a cluster that initdb has not finished
	configFile    = shim.ConfFolder + "/postgresql.conf"
	accessFile    = shim.ConfFolder + "/pg_hba.conf"
	identFile     = shim.ConfFolder + "/pg_ident.conf"
	serverFile    = shim.ConfFolder + "/server.pem" // certificate and key in one, so that they always match
)

// Fixed names within an instance.
const (
	database  = "app"        // the users' one database
	owner     = "app_owner"  // the role that owns everything in it and that all log-ins act as
	superuser = "souk_admin" // reaches the server through its socket only, from the agent
)

// config is all of an instance's configuration.
type config struct {
	main, access, ident string
	// start identifies the settings that take a restart, all everything.
	start, all string
}

// configure derives the configuration of an instance. The certificate counts as
// part of it, for a new one needs a reload too.
func configure(job *process.Job, certificate []byte) (config, error) {
	s, err := chosen(job.Want.Parameters)
	if err != nil {
		return config{}, err
	}
	if err := s.addOwn(job); err != nil {
		return config{}, err
	}
	access, err := accessRules(job.Want.AllowedNetworks, job.Want.Backup != nil)
	if err != nil {
		return config{}, err
	}
	ident := fmt.Sprintf("souk \"%s\" %s\n", job.Place.AgentUser, superuser)
	if job.Want.Backup != nil {
		ident += fmt.Sprintf("backup \"%s\" %s\n", job.Place.InstanceUser, backupRole)
	}
	c := config{access: access, ident: ident}
	c.start = fingerprint(s.lines(func(name string) bool { return s.restart[name] }))
	text := s.lines(func(string) bool { return true })
	c.all = fingerprint(text, access, ident, string(certificate))
	c.main = "# Written by Souk; changes are lost.\n" + text + "souk.settings = '" + c.all + "'\n"
	return c, nil
}

func fingerprint(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// addOwn adds the settings that are not for users to choose.
func (s settings) addOwn(job *process.Job) error {
	address, err := quote(job.Address)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"listen_addresses":               address,
		"port":                           strconv.Itoa(job.Port),
		"unix_socket_directories":        "'../../" + shim.RunFolder + "'", // from the cluster's folder
		"unix_socket_permissions":        "0770",                           // the agent's group
		"superuser_reserved_connections": "3",
		"huge_pages":                     "off",
		"wal_level":                      "replica",
	} {
		s.value[name], s.restart[name] = value, true
	}
	for name, value := range map[string]string{
		"ssl":                           "on",
		"ssl_cert_file":                 "'../../" + serverFile + "'",
		"ssl_key_file":                  "'../../" + serverFile + "'",
		"ssl_min_protocol_version":      "'TLSv1.2'",
		"password_encryption":           "'scram-sha-256'",
		"fsync":                         "on",
		"full_page_writes":              "on",
		"log_timezone":                  "'UTC'",
		"log_line_prefix":               "'%m [%p] %q%u@%d '",
		"log_statement":                 "'none'",
		"log_checkpoints":               "off",
		"default_transaction_read_only": onOff(job.ReadOnly),
	} {
		s.value[name] = value
	}
	s.addSized(job.Want)
	if job.Want.Backup != nil {
		return s.addArchiving(job.Host)
	}
	return nil
}

// addSized adds the settings that follow from an instance's size, and those that
// keep what users send out of the log: a failed statement may hold a password.
func (s settings) addSized(want driver.Instance) {
	mib := max(want.Plan.MemoryMiB, 128)
	walMiB := min(max(want.StorageGiB*1024/8, 128), 4096)
	s.value["shared_buffers"], s.restart["shared_buffers"] = fmt.Sprintf("%dMB", mib/4), true
	s.value["effective_cache_size"] = fmt.Sprintf("%dMB", mib*5/8)
	s.value["max_wal_size"] = fmt.Sprintf("%dMB", walMiB)
	s.value["min_wal_size"] = "80MB"
	s.value["log_min_error_statement"] = "panic"
	s.value["log_parameter_max_length"] = "0"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// accessRules says who may connect: the agent to everything through the socket,
// log-ins from the allowed networks to their database over TLS, nobody else.
func accessRules(networks []string, backups bool) (string, error) {
	var text strings.Builder
	text.WriteString("# Written by Souk; changes are lost.\n")
	fmt.Fprintf(&text, "local all %s peer map=souk\n", superuser)
	if backups { // pgBackRest, which runs under the instance's own account
		fmt.Fprintf(&text, "local postgres %s peer map=backup\n", backupRole)
	}
	text.WriteString("local all all reject\n")
	fmt.Fprintf(&text, "host all %s,%s all reject\n", superuser, backupRole)
	fmt.Fprintf(&text, "hostssl postgres %s samehost scram-sha-256\n", probeRole)
	fmt.Fprintf(&text, "host all %s all reject\n", probeRole)
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return "", refused(fmt.Sprintf("The allowed network %.60q is not a range of addresses such as 203.0.113.0/24.", network))
		}
		fmt.Fprintf(&text, "hostssl %s all %s scram-sha-256\n", database, prefix.Masked())
	}
	text.WriteString("host all all all reject\n")
	return text.String(), nil
}
