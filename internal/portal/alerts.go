package portal

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"strings"

	"souk/api"
	"souk/api/client"
	"souk/internal/portal/help"
)

func (p *Portal) alertRoutes() []Route {
	return []Route{
		{"GET /o/{org}/alerts", SignedIn, p.alerts},
		{"POST /o/{org}/alert-channels", SignedIn, p.createChannel},
		{"POST /o/{org}/alert-channels/{channel}/quiet", SignedIn, p.quietChannel},
		{"POST /o/{org}/alert-channels/{channel}/test", SignedIn, p.testChannel},
		{"POST /o/{org}/alert-channels/{channel}/delete", SignedIn, p.deleteChannel},
		{"GET " + instanceBase + "/runbooks/{runbook}", SignedIn, p.runbook},
	}
}

const (
	pastAlerts     = 50 // that are shown
	pastDeliveries = 30
)

// channelKinds are in the order in which the form has them.
var channelKinds = []string{"mail", "webhook", "slack", "pagerduty"}

// alertsView is what is the matter, and who is told.
type alertsView struct {
	firing, pending, past []api.Alert
	manages               bool // channels and their log are shown
	channels              []api.AlertChannel
	deliveries            []api.AlertDelivery
	form                  api.AlertChannelCreate
	key                   string            // of the form: sent twice, it makes one channel
	made                  *api.AlertChannel // just now: the one time that its secret is shown
	wrong                 *formErrors
}

func (p *Portal) alerts(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showAlerts(w, r, v, alertsView{form: api.AlertChannelCreate{Kind: channelKinds[0]}})
}

func (p *Portal) showAlerts(w http.ResponseWriter, r *http.Request, v *visit, view alertsView) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	if err := view.read(r, v); err != nil {
		return err
	}
	view.key = rand.Text()
	if view.wrong.any() {
		return refuse(w, r, v, alertsPage(v, view))
	}
	return show(w, r, v, alertsPage(v, view))
}

func (view *alertsView) read(r *http.Request, v *visit) (err error) {
	for state, list := range map[string]*[]api.Alert{"firing": &view.firing, "pending": &view.pending, "resolved": &view.past} {
		if *list, err = v.organization().Alerts(r.Context(), state, pastAlerts); err != nil {
			return err
		}
	}
	view.channels, err = v.organization().AlertChannels(r.Context())
	if client.IsStatus(err, http.StatusForbidden) { // a role in one project only
		return nil
	}
	if err != nil {
		return err
	}
	view.manages = true
	view.deliveries, err = v.organization().AlertDeliveries(r.Context(), "", pastDeliveries)
	return err
}

// quietForm reads quiet hours; nothing that was typed are none.
func quietForm(r *http.Request) api.QuietHours {
	h := api.QuietHours{From: r.PostForm.Get("quietFrom"), To: r.PostForm.Get("quietTo")}
	if h != (api.QuietHours{}) {
		h.Zone = strings.TrimSpace(r.PostForm.Get("quietZone"))
	}
	return h
}

// createChannel answers with the page itself where it is the only one with a secret.
func (p *Portal) createChannel(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := r.PostForm
	view := alertsView{form: api.AlertChannelCreate{Name: f.Get("name"), Kind: f.Get("kind"), Email: strings.TrimSpace(f.Get("email")), URL: strings.TrimSpace(f.Get("url")), RoutingKey: strings.TrimSpace(f.Get("routingKey"))}}
	if h := quietForm(r); h != (api.QuietHours{}) {
		view.form.QuietHours = &h
	}
	ctx := r.Context()
	if key := f.Get("key"); len(key) == len(rand.Text()) {
		ctx = client.WithIdempotencyKey(ctx, key)
	}
	made, err := v.organization().CreateAlertChannel(ctx, view.form)
	if err != nil {
		if view.wrong, err = formProblem(err); err != nil {
			return err
		}
		view.form.URL, view.form.RoutingKey = "", "" // secrets are not sent back
		return p.showAlerts(w, r, v, view)
	}
	if made.Secret == "" {
		redirect(w, r, done("channel-made", "o", v.org, "alerts"))
		return nil
	}
	return p.showAlerts(w, r, v, alertsView{made: &made, form: api.AlertChannelCreate{Kind: channelKinds[0]}})
}

func (p *Portal) quietChannel(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, err := v.organization().SetQuietHours(r.Context(), r.PathValue("channel"), quietForm(r))
	return p.afterChannel(w, r, v, err, "channel-quiet")
}

func (p *Portal) testChannel(w http.ResponseWriter, r *http.Request, v *visit) error {
	_, err := v.organization().TestAlertChannel(r.Context(), r.PathValue("channel"))
	return p.afterChannel(w, r, v, err, "channel-tested")
}

func (p *Portal) deleteChannel(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := v.organization().DeleteAlertChannel(r.Context(), r.PathValue("channel"))
	return p.afterChannel(w, r, v, err, "channel-deleted")
}

// afterChannel leads back to the page, or shows on it what is wrong.
func (p *Portal) afterChannel(w http.ResponseWriter, r *http.Request, v *visit, err error, key string) error {
	if err == nil {
		redirect(w, r, done(key, "o", v.org, "alerts"))
		return nil
	}
	view := alertsView{form: api.AlertChannelCreate{Kind: channelKinds[0]}}
	if view.wrong, err = formProblem(err); err != nil {
		return err
	}
	return p.showAlerts(w, r, v, view)
}

// runbookView is a page that says what to do about an alert.
type runbookView struct {
	*shown
	title, html string
}

func (p *Portal) runbook(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	page, err := s.project.Runbook(r.Context(), s.Metadata.Name, r.PathValue("runbook"))
	if err != nil {
		return err
	}
	title, text, _ := strings.Cut(page.Text, "\n")
	b := &runbookView{shown: s, title: strings.TrimPrefix(title, "# ")}
	if b.html, err = help.HTML(text, v.T("copy.do"), v.T("copy.done")); err != nil {
		return err
	}
	return show(w, r, v, runbookPage(v, b))
}

// told says what a delivery tells, in a word.
func told(v *visit, d api.AlertDelivery) string {
	if len(d.Notices) == 1 || d.Test {
		return v.T("alerts.tells-"+d.Notices[0].Status, "title", d.Notices[0].Title, "instance", cmp.Or(d.Notices[0].Instance, d.Notices[0].Zone))
	}
	return v.T("alerts.tells-many", "n", len(d.Notices))
}

// quietWords says when a channel is quiet.
func quietWords(v *visit, h *api.QuietHours) string {
	if h == nil {
		return v.T("alerts.quiet-never")
	}
	return h.From + "–" + h.To + " " + h.Zone
}

// quietOf is what a form of quiet hours shows.
func quietOf(v *visit, h *api.QuietHours) api.QuietHours {
	if h == nil {
		return api.QuietHours{Zone: v.zone.String()}
	}
	return api.QuietHours{From: h.From, To: h.To, Zone: cmp.Or(h.Zone, v.zone.String())}
}
