package alert

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
)

// The kinds of channels.
const (
	byMail    = "mail"
	byWebhook = "webhook"
	bySlack   = "slack"
	pagerDuty = "pagerduty"
)

const (
	// PagerDutyURL takes events unless a channel names another address.
	PagerDutyURL = "https://events.pagerduty.com/v2/enqueue"
	mostChannels = 20 // of an organization
	testWithin   = 10 * time.Minute
	mostTests    = 5 // of a channel that wait
)

var channelName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// way is what leads to a receiver; it is kept sealed.
type way struct {
	URL    string `json:"url"`
	Secret string `json:"secret,omitempty"` // of a webhook: what it is signed with
	Key    string `json:"key,omitempty"`    // of PagerDuty
}

// Place is what a channel's way is sealed for.
func Place(channel string) string { return "alert_channels/" + channel }

func channelView(r alertdb.AlertChannel) api.AlertChannel {
	c := api.AlertChannel{Name: r.Name, Kind: r.Kind, Target: r.Target, CreatedAt: r.CreatedAt.UTC()}
	if r.QuietFrom != "" {
		c.QuietHours = &api.QuietHours{From: r.QuietFrom, To: r.QuietTo, Zone: r.QuietZone}
	}
	return c
}

// Channels lists the organization's, without what leads to them.
func Channels(ctx context.Context, tx store.Tx, organization uuid.UUID) ([]api.AlertChannel, error) {
	rows, err := alertdb.New(tx).Channels(ctx, organization)
	list := make([]api.AlertChannel, len(rows))
	for i, r := range rows {
		list[i] = channelView(r)
	}
	return list, err
}

// Channel returns one of them.
func Channel(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) (api.AlertChannel, error) {
	r, err := alertdb.New(tx).Channel(ctx, alertdb.ChannelParams{OrganizationID: organization, Name: name})
	if errors.Is(err, pgx.ErrNoRows) {
		return api.AlertChannel{}, problem.NotFound("channel", name)
	}
	return channelView(r), err
}

// Create makes a channel. Its answer is the only one with a webhook's secret.
func (s *Service) Create(ctx context.Context, tx store.Tx, organization uuid.UUID, in api.AlertChannelCreate, now time.Time) (api.AlertChannel, error) {
	q := alertdb.New(tx)
	if err := s.check(ctx, q, organization, in); err != nil {
		return api.AlertChannel{}, err
	}
	all, err := q.Channels(ctx, organization)
	if err != nil {
		return api.AlertChannel{}, err
	}
	if len(all) >= mostChannels {
		return api.AlertChannel{}, problem.Conflict("too-many-channels", "The organization has %d channels, and cannot have more. Delete one first.", mostChannels)
	}
	row := alertdb.InsertChannelParams{ID: store.NewID(), OrganizationID: organization, Name: in.Name, Kind: in.Kind, Target: in.Email, CreatedAt: now}
	if h := in.QuietHours; h != nil {
		row.QuietFrom, row.QuietTo, row.QuietZone = h.From, h.To, h.Zone
	}
	var to way
	if in.Kind != byMail {
		if to, err = wayTo(in); err != nil {
			return api.AlertChannel{}, err
		}
		if row.Target, row.Sealed, err = s.seal(ctx, row.ID, to); err != nil {
			return api.AlertChannel{}, err
		}
	}
	if err := q.InsertChannel(ctx, row); err != nil {
		if store.Constraint(err) == "alert_channels_organization_id_name_key" {
			return api.AlertChannel{}, problem.Conflict("name-taken", "The organization has a channel named %q already.", in.Name)
		}
		return api.AlertChannel{}, err
	}
	out, err := Channel(ctx, tx, organization, in.Name)
	out.Secret = to.Secret
	return out, err
}

// check refuses what cannot be a channel. No address or key is repeated.
func (s *Service) check(ctx context.Context, q *alertdb.Queries, organization uuid.UUID, in api.AlertChannelCreate) error {
	if !channelName.MatchString(in.Name) {
		return problem.InvalidField("body.name", in.Name, "must begin with a small letter and have small letters, digits and hyphens only, at most 63")
	}
	if err := checkQuiet("body.quietHours", in.QuietHours); err != nil {
		return err
	}
	if in.Kind == byMail {
		return s.checkMail(ctx, q, organization, in.Email)
	}
	if in.Email != "" {
		return problem.InvalidField("body.email", nil, "is for channels of the kind mail")
	}
	if in.Kind == pagerDuty && !routingKey.MatchString(in.RoutingKey) {
		return problem.InvalidField("body.routingKey", nil, "must be the integration key of a PagerDuty service (Events API v2): letters and digits only")
	}
	if in.Kind != pagerDuty && in.RoutingKey != "" {
		return problem.InvalidField("body.routingKey", nil, "is for channels of the kind pagerduty")
	}
	if in.Kind == pagerDuty && in.URL == "" {
		return nil
	}
	if u, err := url.Parse(in.URL); err != nil || s.Reach.CheckURL(u) != nil || u.Fragment != "" {
		return problem.InvalidField("body.url", nil, "must be an address that begins with https://")
	}
	return nil
}

var routingKey = regexp.MustCompile(`^[A-Za-z0-9_-]{8,128}$`)

func (s *Service) checkMail(ctx context.Context, q *alertdb.Queries, organization uuid.UUID, address string) error {
	if s.Mail.Closed {
		return &problem.Error{Status: http.StatusServiceUnavailable, Code: "no-mail", Detail: "No mail can be sent from here, as no mail server is set up. The operator has to set one up first."}
	}
	if err := mail.CheckAddress("body.email", address); err != nil {
		return err
	}
	_, err := q.Member(ctx, alertdb.MemberParams{OrganizationID: organization, Email: address})
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.InvalidField("body.email", address, "must be the address of one of the organization's members: others have not agreed to be written to. Invite the person first")
	}
	return err
}

// wayTo is what the request leads to, with a secret where one is needed.
func wayTo(in api.AlertChannelCreate) (way, error) {
	to := way{URL: in.URL, Key: in.RoutingKey}
	switch {
	case in.Kind == byWebhook:
		bits := make([]byte, 32)
		rand.Read(bits) // never fails
		to.Secret = secretPrefix + base64.StdEncoding.EncodeToString(bits)
	case in.Kind == pagerDuty && to.URL == "":
		to.URL = PagerDutyURL
	}
	return to, nil
}

// seal returns what may be shown of a way, and the way sealed.
func (s *Service) seal(ctx context.Context, channel uuid.UUID, to way) (target string, sealed []byte, err error) {
	u, err := url.Parse(to.URL)
	if err != nil {
		return "", nil, problem.InvalidField("body.url", nil, "cannot be read")
	}
	raw, err := json.Marshal(to)
	if err != nil {
		return "", nil, err
	}
	sealed, err = s.Secrets.Seal(ctx, Place(channel.String()), raw)
	return u.Host, sealed, err
}

// lock finds a channel and holds it until the transaction ends.
func lock(ctx context.Context, q *alertdb.Queries, organization uuid.UUID, name string) (alertdb.AlertChannel, error) {
	c, err := q.LockChannel(ctx, alertdb.LockChannelParams{OrganizationID: organization, Name: name})
	if errors.Is(err, pgx.ErrNoRows) {
		return c, problem.NotFound("channel", name)
	}
	return c, err
}

// SetQuiet sets a channel's quiet hours; an empty one ends them. What waits for their
// end is looked at again.
func (s *Service) SetQuiet(ctx context.Context, tx store.Tx, organization uuid.UUID, name string, h api.QuietHours, now time.Time) (api.AlertChannel, error) {
	if err := checkQuiet("body", &h); err != nil {
		return api.AlertChannel{}, err
	}
	q := alertdb.New(tx)
	c, err := lock(ctx, q, organization, name)
	if err != nil {
		return api.AlertChannel{}, err
	}
	if err := q.SetQuiet(ctx, alertdb.SetQuietParams{ID: c.ID, QuietFrom: h.From, QuietTo: h.To, QuietZone: h.Zone}); err != nil {
		return api.AlertChannel{}, err
	}
	if err := q.LookAgain(ctx, alertdb.LookAgainParams{Channel: c.ID, Now: now}); err != nil {
		return api.AlertChannel{}, err
	}
	return Channel(ctx, tx, organization, name)
}

// Delete deletes a channel. What was not delivered is not any more; the log stays.
func Delete(ctx context.Context, tx store.Tx, organization uuid.UUID, name string) error {
	q := alertdb.New(tx)
	c, err := lock(ctx, q, organization, name)
	if err != nil {
		return err
	}
	if err := q.CancelDeliveries(ctx, c.ID); err != nil {
		return err
	}
	return q.DeleteChannel(ctx, c.ID)
}

// Test has a message sent by the channel at once, whatever its quiet hours are.
func (s *Service) Test(ctx context.Context, tx store.Tx, organization uuid.UUID, organizationName, name string, now time.Time) (api.AlertDelivery, error) {
	q := alertdb.New(tx)
	c, err := lock(ctx, q, organization, name)
	if err != nil {
		return api.AlertDelivery{}, err
	}
	waiting, err := q.CountTests(ctx, c.ID)
	if err != nil {
		return api.AlertDelivery{}, err
	}
	if waiting >= mostTests {
		return api.AlertDelivery{}, problem.TooMany(time.Minute, "%d tests of this channel have not been delivered yet. Wait for them; the log says why.", waiting)
	}
	id := store.NewID()
	test := Notice{ID: id.String(), Status: tellsTest, Name: "test", Title: "Test", Severity: "warning", Summary: "This is a test. Nothing is the matter.", Organization: organizationName, FiringSince: now, URL: s.link("o", organizationName, "alerts")}
	err = q.InsertDelivery(ctx, alertdb.InsertDeliveryParams{ID: id, OrganizationID: organization, ChannelID: &c.ID, ChannelName: c.Name, Lane: tellsTest,
		Notices: written([]Notice{test}), CreatedAt: now, NextAt: now, ExpiresAt: now.Add(testWithin)})
	if err != nil {
		return api.AlertDelivery{}, err
	}
	return Delivery(ctx, tx, organization, id)
}
