package alert

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"souk/internal/mail"
)

// secretPrefix begins the secrets that webhooks are signed with, as the Standard
// Webhooks specification has it.
const secretPrefix = "whsec_"

// message is what one request says.
type message struct {
	headers http.Header
	body    []byte
}

// compose puts notices into the words of a kind of channel.
func compose(kind string, to way, id string, at time.Time, notices []Notice) (m message, err error) {
	m.headers = http.Header{}
	switch kind {
	case bySlack:
		m.body, err = json.Marshal(map[string]string{"text": slackText(notices)})
	case pagerDuty:
		m.body, err = json.Marshal(pagerDutyEvent(to.Key, notices[0]))
	default:
		m.body, err = json.Marshal(map[string]any{"type": "alerts", "timestamp": at.UTC().Format(time.RFC3339), "data": map[string]any{"alerts": notices}})
		if err == nil {
			err = sign(m, to.Secret, id, at)
		}
	}
	return m, err
}

// sign sets the headers of a Standard Webhook: an HMAC-SHA256 over ID, time and body.
func sign(m message, secret, id string, at time.Time) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return fmt.Errorf("the secret cannot be read")
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, m.body)
	m.headers.Set("Webhook-Id", id)
	m.headers.Set("Webhook-Timestamp", stamp)
	m.headers.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// words are those of a notice's status.
var words = map[string]map[string]string{
	"en": {tellsFiring: "Firing", tellsResolved: "Over", tellsTest: "Test", ended: "Over, as the instance was suspended or deleted", "since": "since", "until": "until", "runbook": "What to do"},
	"de": {tellsFiring: "Ausgelöst", tellsResolved: "Vorbei", tellsTest: "Test", ended: "Vorbei, da die Instanz angehalten oder gelöscht wurde", "since": "seit", "until": "bis", "runbook": "Was zu tun ist"},
}

// line says a notice in one line.
func line(n Notice, locale string) string {
	w := words[locale]
	if w == nil {
		w = words["en"]
	}
	status := w[n.Status]
	if n.Resolution == ended {
		status = w[ended]
	}
	text := status + ": " + n.Title
	if n.Status == tellsTest {
		return text + ". " + n.Summary
	}
	const stamp = "2006-01-02 15:04 MST"
	text += " (" + n.Severity + "), " + subject(n) + ", " + w["since"] + " " + n.FiringSince.UTC().Format(stamp)
	if n.ResolvedAt != nil {
		return text + " " + w["until"] + " " + n.ResolvedAt.UTC().Format(stamp)
	}
	text += ". " + n.Summary + " " + w["runbook"] + ": " + n.RunbookURL
	return text
}

// subject is what a notice is about: an instance, a zone, or an organization.
func subject(n Notice) string {
	switch {
	case n.Zone != "":
		return n.Zone
	case n.Instance != "":
		return n.Project + "/" + n.Instance
	}
	return n.Organization
}

var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func slackText(notices []Notice) string {
	lines := make([]string, len(notices))
	for i, n := range notices {
		lines[i] = slackEscapes.Replace(line(n, "en"))
	}
	return strings.Join(lines, "\n")
}

// pagerDutyEvent is one of the Events API v2.
func pagerDutyEvent(key string, n Notice) map[string]any {
	event := map[string]any{"routing_key": key, "dedup_key": n.ID, "event_action": "trigger", "client": "Souk", "client_url": n.URL}
	if n.Status == tellsResolved {
		event["event_action"] = "resolve"
	}
	severity := n.Severity
	if n.Status == tellsTest {
		severity = "info"
	}
	source := strings.Trim(n.Organization+"/"+n.Project+"/"+n.Instance, "/")
	if n.Zone != "" {
		source = n.Zone
	}
	summary := []rune(n.Title + ", " + source + ": " + n.Summary)
	event["payload"] = map[string]any{
		"summary": string(summary[:min(len(summary), 1024)]), "source": source, "severity": severity, "timestamp": n.FiringSince.UTC().Format(time.RFC3339),
		"component": cmp.Or(n.Instance, n.Zone), "group": n.Project, "class": n.Name, "custom_details": n,
	}
	if n.RunbookURL != "" {
		event["links"] = []map[string]string{{"href": n.RunbookURL, "text": "Runbook"}}
	}
	return event
}

// letter is a mail of notices.
func letter(to, locale string, notices []Notice, until time.Time) mail.Letter {
	m := mail.Message{Kind: mail.Alerts, Locale: locale, Organization: notices[0].Organization, Path: "/o/" + notices[0].Organization + "/alerts"}
	if notices[0].Zone != "" {
		m.Path = "/operator/burning"
	}
	if notices[0].Name == BooksName {
		m.Path = booksPage
	}
	for _, n := range notices {
		m.Lines = append(m.Lines, line(n, locale))
	}
	return mail.Letter{To: to, Message: m, Topic: mailTopic, Until: until}
}
