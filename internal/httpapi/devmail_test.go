package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/mail"
	"souk/internal/store"
)

// Development shows the mail that it caught, newest first; elsewhere there is
// nothing to see.
func TestCaughtMail(t *testing.T) {
	e := httpapitest.New(t)
	for _, to := range []string{"ann@example.org", "bob@example.org"} {
		err := e.Store.System(t.Context(), func(tx store.Tx) error {
			now := e.Clock.Now()
			return e.Server.Mail.Write(t.Context(), tx, mail.Letter{To: to, Message: mail.Message{Kind: mail.Reset, Locale: "en", Path: "/reset?token=t"}, Until: now.Add(time.Hour)}, now)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	e.Mails(t, "")
	var list, rest api.List[api.CaughtMail]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/dev/mail?limit=1"}).Want(t, 200).Decode(t, &list)
	if m := list.Items[0]; len(list.Items) != 1 || m.To != "bob@example.org" || m.Subject == "" || !m.At.Equal(e.Clock.Now()) || !strings.Contains(m.Text, httpapitest.PublicURL) || !strings.Contains(m.HTML, "<a href=") {
		t.Errorf("%+v", list)
	}
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/dev/mail?cursor=" + list.Next}).Want(t, 200).Decode(t, &rest)
	if len(rest.Items) != 1 || rest.Items[0].To != "ann@example.org" || rest.Next != "" {
		t.Errorf("the second page: %+v", rest)
	}
	for name, change := range map[string]func(*httpapi.Config){
		"in production":               func(c *httpapi.Config) { c.Dev = false },
		"where mail is sent for real": func(c *httpapi.Config) { c.CaughtMail = nil },
	} {
		t.Run(name, func(t *testing.T) {
			httpapitest.New(t, change).Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/dev/mail"}).Want(t, 404)
		})
	}
}
