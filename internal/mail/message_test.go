package mail

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Every message is worded in every language, as text and as HTML, with the same
// link in both.
func TestEveryMessageInEveryLanguage(t *testing.T) {
	const link = "https://souk.example/do?token=souk_x-y_z"
	for _, locale := range slices.Sorted(maps.Keys(languages)) {
		for _, kind := range []Kind{SignUp, KnownAddress, Reset, PasswordChanged, SecondFactorOn, SecondFactorOff, RecoveryCodesRenewed, Invitation, Alerts, Maintenance, Invoice, CreditNote, BillingDetails, InvoiceHeld, InvoiceFailed, DunningReminder, DunningSecond, DunningAnnounced, DunningSuspended, Prices} {
			for _, project := range []string{"", "shop"} {
				m, err := Message{Kind: kind, Locale: locale, Path: "/do?token=souk_x-y_z", Organization: "acme", Project: project, Inviter: "ann@example.org", Role: "viewer"}.compose("https://souk.example/")
				if err != nil {
					t.Fatalf("%s in %s: %v", kind, locale, err)
				}
				if m.Subject == "" || !strings.Contains(m.Text, "\n"+link+"\n") || !strings.Contains(m.HTML, `href="`+link+`"`) || !strings.Contains(m.HTML, `lang="`+locale+`"`) {
					t.Errorf("%s in %s: subject %q\n%s\n%s", kind, locale, m.Subject, m.Text, m.HTML)
				}
				if kind == Invitation && strings.Contains(m.Text, "shop") != (project != "") {
					t.Errorf("%s in %s names no project, or one too many: %s", kind, locale, m.Text)
				}
			}
		}
	}
	if m, err := (Message{Kind: Reset, Locale: "xx"}).compose("https://souk.example"); err != nil || !strings.Contains(m.Subject, "new password") {
		t.Errorf("in a language that is none: %q, %v", m.Subject, err)
	}
}

func TestWordsOfOthersStayWords(t *testing.T) {
	const attack = "x\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>{{.Link}}"
	m, err := Message{Kind: Invitation, Locale: "en", Organization: attack, Inviter: attack}.compose("https://souk.example")
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.Text, "\nBcc") || strings.Contains(m.HTML, "<script") {
		t.Errorf("subject %q\n%s\n%s", m.Subject, m.Text, m.HTML)
	}
}

func TestCheckAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"ann@example.org": true, "Ann.O'Neil+x@mail.example.org": true, "a@localhost": true,
		"": false, "ann": false, "ann@": false, "@example.org": false, "Ann <ann@example.org>": false, `"a b"@example.org`: false,
		"ann@example.org\r\nBcc: all@example.org": false, "ann@example.org\n": false, "ann@example.org,bob@example.org": false, "ann@example.org bob": false,
		"ann@-example.org": false, "ann@example..org": false, "ann@[127.0.0.1]": false, strings.Repeat("a", 250) + "@example.org": false,
	} {
		if got := CheckAddress("body.email", address) == nil; got != want {
			t.Errorf("%q: accepted %v", address, got)
		}
	}
}
