//go:build journey

package journey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/api"
	"souk/test/soukdev"
)

// receiver is the customer's webhook.
type receiver struct {
	secret string // file with what its messages are signed with

	mu      sync.Mutex
	notices []api.AlertNotice
}

// channel makes a webhook of the customer's that is told of alerts.
func channel(t *testing.T, s *soukdev.Souk) *receiver {
	t.Helper()
	address := filepath.Join(t.TempDir(), "url")
	hook := &receiver{secret: address + ".secret"}
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	if err := os.WriteFile(address, []byte(server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Sh("souk alert channel create hook --kind webhook --url-file " + address + " --secret-file " + hook.secret).Done()
	return hook
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var told struct {
		Data struct {
			Alerts []api.AlertNotice `json:"alerts"`
		} `json:"data"`
	}
	body, err := io.ReadAll(q.Body)
	if err = errors.Join(err, r.checkSignature(q.Header, body)); err == nil {
		err = json.Unmarshal(body, &told)
	}
	if err != nil {
		http.Error(w, "no notice: "+err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, told.Data.Alerts...)
}

// checkSignature is what docs/end-user/alerts.md asks of a receiver.
func (r *receiver) checkSignature(headers http.Header, body []byte) error {
	secret, err := os.ReadFile(r.secret)
	if err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(secret)), "whsec_"))
	if err != nil {
		return err
	}
	stamp := headers.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", headers.Get("webhook-id"), stamp, body)
	if headers.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		return errors.New("it is not signed by the channel's secret")
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if age := time.Since(time.Unix(at, 0)).Abs(); err == nil && age > 5*time.Minute {
		err = fmt.Errorf("it is %s off", age)
	}
	return err
}

// wait until the alert of the instance is told to be so.
func (r *receiver) wait(s *soukdev.Souk, instance, name, status string) (found api.AlertNotice) {
	look := func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, n := range r.notices {
			if n.Name == name && n.Status == status && n.Instance == instance {
				found = n
				return nil
			}
		}
		return errors.New("the webhook was not told that " + name + " is " + status)
	}
	s.EventuallyWithin(3*soukdev.Patience, name+" is "+status, look) // figures are measured each minute, and have to hold for one
	return found
}

// runbook reads the page that a notice names, and returns the commands on it.
func runbook(s *soukdev.Souk, told api.AlertNotice, title string) (commands []string) {
	name := told.RunbookURL[strings.LastIndex(told.RunbookURL, "/")+1:]
	page := s.Sh("souk alert runbook " + told.Instance + " " + name).Done(title).Out
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "souk ") {
			commands = append(commands, line)
		}
	}
	return commands
}

// follow carries out the commands of a runbook as they stand; those that change something
// wait until it is done.
func follow(t *testing.T, s *soukdev.Souk, commands []string) {
	t.Helper()
	changes := 0
	for _, line := range commands {
		s.Sh(line).Done()
		if strings.HasSuffix(line, " --wait") {
			changes++
		}
	}
	if changes == 0 {
		t.Fatalf("the runbook says nothing that mends it: %q", commands)
	}
}

// lookAgain has alerts looked at now, and not only within the next half a minute.
func lookAgain(s *soukdev.Souk) {
	s.Sh("souk --context operator dev clock advance 1m").Done()
}

// shown wants an alert in this state where the API lists alerts, and on the page of its
// instance while it fires.
func shown(t *testing.T, s *soukdev.Souk, told api.AlertNotice, state string) {
	t.Helper()
	var list struct {
		Items []api.Alert `json:"items"`
	}
	if err := json.Unmarshal([]byte(s.Sh("souk get alerts -o json").Done().Out), &list); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, a := range list.Items {
		found = found || a.ID == told.ID && a.State == state
	}
	if !found {
		t.Errorf("the alert %s is not listed as %s: %+v", told.Name, state, list.Items)
	}
	person := visitor(t, s)
	if on := strings.Contains(get(t, person, told.URL), told.Title); on != (state == "firing") {
		t.Errorf("%s is %s; on the page of the instance: %v", told.Name, state, on)
	}
	if page := get(t, person, told.RunbookURL); !strings.Contains(page, "souk --organization acme --project default") {
		t.Errorf("the runbook's address leads to\n%s", page)
	}
}

// visitor has just logged in to the portal.
func visitor(t *testing.T, s *soukdev.Souk) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	answer, err := client.PostForm("http://"+s.Listen+"/login", url.Values{"email": {"owner@acme.example"}, "password": {s.DemoPassword()}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return client
}

func get(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, answer.StatusCode, err)
	}
	return string(text)
}
