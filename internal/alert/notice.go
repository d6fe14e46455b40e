package alert

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// Notice is what one alert's firing or end is told as.
type Notice = api.AlertNotice

// What a notice tells.
const (
	tellsFiring   = "firing"
	tellsResolved = "resolved"
	tellsTest     = "test"
)

const (
	// gather is how long a message takes up what else happens before it is sent.
	gather = 20 * time.Second
	// most is how many notices one message has.
	most = 50
	// keepTrying is how long a message is tried; by far more than the day for which a
	// receiver may be away.
	keepTrying = 72 * time.Hour
)

func (s *Service) notice(id uuid.UUID, rule servicepkg.Alert, i alertdb.WatchedRow, summary string, at time.Time) Notice {
	instance := s.link("o", i.Organization, "p", i.Project, "instances", i.Name)
	return Notice{ID: id.String(), Status: tellsFiring, Name: rule.Name, Title: rule.Title, Severity: rule.Severity, Summary: summary,
		Organization: i.Organization, Project: i.Project, Instance: i.Name, Service: i.Service, FiringSince: at, URL: instance, RunbookURL: instance + "/runbooks/" + rule.Runbook}
}

func (s *Service) resolved(a alertdb.OpenAlertsRow, why string, at time.Time) Notice {
	instance := s.link("o", a.Organization, "p", a.Project, "instances", a.Instance)
	return Notice{ID: a.ID.String(), Status: tellsResolved, Name: a.Name, Title: a.Title, Severity: a.Severity, Summary: a.Summary, Organization: a.Organization, Project: a.Project,
		Instance: a.Instance, Service: a.Service, FiringSince: a.FiringSince.UTC(), ResolvedAt: &at, Resolution: why, URL: instance, RunbookURL: instance + "/runbooks/" + a.Runbook}
}

// link is an address of the portal.
func (s *Service) link(parts ...string) string {
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.TrimSuffix(s.PublicURL, "/") + "/" + strings.Join(parts, "/")
}

// tell puts notices among the messages of each channel of their organizations.
func (s *Service) tell(ctx context.Context, q *alertdb.Queries, told map[uuid.UUID][]Notice, now time.Time) error {
	if len(told) == 0 {
		return nil
	}
	channels, err := q.ChannelsOf(ctx, slices.Collect(maps.Keys(told)))
	if err != nil {
		return err
	}
	for _, c := range channels {
		for _, lane := range []string{servicepkg.Critical, servicepkg.Warning} {
			var of []Notice
			for _, n := range told[c.OrganizationID] {
				if n.Severity == lane {
					of = append(of, n)
				}
			}
			if err := put(ctx, q, c, lane, of, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// put adds notices to the message that is being gathered, or begins others.
func put(ctx context.Context, q *alertdb.Queries, c alertdb.AlertChannel, lane string, notices []Notice, now time.Time) error {
	if c.Kind == pagerDuty { // it takes one at a time
		for _, n := range notices {
			if err := insert(ctx, q, c, lane, []Notice{n}, now, now, keepTrying); err != nil {
				return err
			}
		}
		return nil
	}
	if len(notices) == 0 {
		return nil
	}
	d, err := q.Gathering(ctx, alertdb.GatheringParams{Channel: c.ID, Lane: lane})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if err == nil {
		before, err := noticesOf(d.Notices)
		if err != nil {
			return err
		}
		n := min(len(notices), max(0, most-len(before)))
		if err := q.Gather(ctx, alertdb.GatherParams{ID: d.ID, Notices: written(append(before, notices[:n]...)), ExpiresAt: now.Add(keepTrying)}); err != nil {
			return err
		}
		notices = notices[n:]
	}
	for part := range slices.Chunk(notices, most) {
		if err := insert(ctx, q, c, lane, part, now, now.Add(gather), keepTrying); err != nil {
			return err
		}
	}
	return nil
}

func insert(ctx context.Context, q *alertdb.Queries, c alertdb.AlertChannel, lane string, notices []Notice, now, due time.Time, within time.Duration) error {
	return q.InsertDelivery(ctx, alertdb.InsertDeliveryParams{ID: store.NewID(), OrganizationID: c.OrganizationID, ChannelID: &c.ID, ChannelName: c.Name, Lane: lane,
		Notices: written(notices), CreatedAt: now, NextAt: due, ExpiresAt: now.Add(within)})
}

func written(notices []Notice) json.RawMessage {
	raw, _ := json.Marshal(notices) // of texts and times: cannot fail
	return raw
}

func noticesOf(raw json.RawMessage) (notices []Notice, err error) {
	return notices, json.Unmarshal(raw, &notices)
}

// latest leaves of each alert what was told of it last.
func latest(notices []Notice) []Notice {
	var out []Notice
	for i, n := range notices {
		if !slices.ContainsFunc(notices[i+1:], func(later Notice) bool { return later.ID == n.ID }) {
			out = append(out, n)
		}
	}
	return out
}
