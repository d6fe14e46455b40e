package httpapitest

import (
	"net/url"
	"regexp"
	"slices"
	"testing"

	"github.com/google/uuid"

	"souk/api"
)

// PublicURL is the base of the links in an Env's mails.
const PublicURL = "https://souk.example"

// Mails sends what is in the outbox and returns what an address has been sent,
// the newest first.
func (e *Env) Mails(t testing.TB, to string) []api.CaughtMail {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = e.mails.SendDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all, err := e.Server.CaughtMail.Caught(t.Context(), uuid.Nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(m api.CaughtMail) bool { return m.To != to })
}

var links = regexp.MustCompile(regexp.QuoteMeta(PublicURL) + `/([a-z/-]+)\?token=(\S+)`)

// Link returns the token of the link in the newest mail to the address, and
// which page the link is for.
func (e *Env) Link(t testing.TB, to string) (page, token string) {
	t.Helper()
	mails := e.Mails(t, to)
	if len(mails) == 0 {
		t.Fatalf("%s was sent nothing", to)
	}
	found := links.FindStringSubmatch(mails[0].Text)
	if found == nil {
		t.Fatalf("there is no link in %s", mails[0].Text)
	}
	token, err := url.QueryUnescape(found[2])
	if err != nil {
		t.Fatal(err)
	}
	return found[1], token
}
