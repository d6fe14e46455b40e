package zone

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/change"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// desiredPage is how many instances are read at once for a listing.
const desiredPage = 200

// serveDesired streams what is wanted: from a resume token on only what has
// changed since, without one everything first.
func (z *Zones) serveDesired(w http.ResponseWriter, r *http.Request, a agent) {
	ctx := r.Context()
	sub, start, err := z.Feed.Subscribe(ctx, func(c change.Change) bool { return c.Desired && c.Zone != nil && *c.Zone == a.zone })
	if err != nil {
		z.refuse(w, r, err)
		return
	}
	defer z.Feed.Close(sub)
	var missed []change.Change
	token := r.URL.Query().Get("after")
	if token != "" {
		if missed, err = z.missed(ctx, a, token, start); err != nil {
			z.refuse(w, r, err)
			return
		}
	}
	s := &desiredStream{zones: z, agent: a, out: newLineWriter(w, z.WriteWithin)}
	w.Header().Set("Content-Type", "application/jsonl")
	w.WriteHeader(http.StatusOK)
	if err := s.begin(ctx, token == "", missed, start); err != nil {
		s.end(ctx, err)
		return
	}
	s.end(ctx, s.follow(ctx, sub))
}

func (z *Zones) missed(ctx context.Context, a agent, token string, until change.Position) ([]change.Change, error) {
	after, err := change.ParseToken(token)
	if err != nil {
		return nil, problem.InvalidField("query.after", nil, "This is not a resume token.")
	}
	missed, err := z.Feed.MissedByZone(ctx, a.zone, after, until)
	if errors.Is(err, change.ErrCompacted) {
		return nil, &problem.Error{Status: http.StatusGone, Code: "compacted", Detail: "The resume token is too old. List again without one."}
	}
	return missed, err
}

// desiredStream writes one agent's stream.
type desiredStream struct {
	zones *Zones
	agent agent
	out   *lineWriter
}

// begin says the clock, and then everything or what was missed.
func (s *desiredStream) begin(ctx context.Context, all bool, missed []change.Change, start change.Position) error {
	if err := s.out.write(agentapi.DesiredEvent{Clock: &agentapi.Clock{Offset: s.zones.Clock.Offset()}}); err != nil {
		return err
	}
	if all {
		if err := s.list(ctx); err != nil {
			return err
		}
		return s.out.write(agentapi.DesiredEvent{Synced: true, Token: start.String()})
	}
	for _, c := range missed {
		if err := s.send(ctx, []uuid.UUID{c.Object}, c.Position.String()); err != nil {
			return err
		}
	}
	return s.out.write(agentapi.DesiredEvent{Heartbeat: true, Token: start.String()})
}

// list sends every instance of the zone that is not purged, in pages.
func (s *desiredStream) list(ctx context.Context) error {
	after := uuid.Nil
	for {
		var ids []uuid.UUID
		err := s.zones.Store.System(ctx, func(tx store.Tx) (err error) {
			ids, err = zonedb.New(tx).DesiredIDs(ctx, zonedb.DesiredIDsParams{ZoneID: s.agent.zone, ID: after, Limit: desiredPage})
			return err
		})
		if err != nil {
			return err
		}
		if err := s.send(ctx, ids, ""); err != nil {
			return err
		}
		if len(ids) < desiredPage {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

// send writes the present state of instances, the last with the token.
func (s *desiredStream) send(ctx context.Context, ids []uuid.UUID, token string) error {
	if len(ids) == 0 {
		return nil
	}
	wanted, err := s.zones.desired(ctx, s.agent, ids)
	if err != nil {
		return err
	}
	for i := range wanted {
		e := agentapi.DesiredEvent{Instance: &wanted[i]}
		if i == len(wanted)-1 {
			e.Token = token
		}
		if err := s.out.write(e); err != nil {
			return err
		}
	}
	return nil
}

// follow writes changes as they come, heartbeats in the silence, and the clock
// when it is advanced. It ends without an error when the agent has to resume.
func (s *desiredStream) follow(ctx context.Context, sub *change.Subscription) error {
	clocks := s.zones.watchClock()
	defer s.zones.unwatchClock(clocks)
	silence := time.NewTimer(s.zones.Heartbeat)
	defer silence.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case c, open := <-sub.C:
			if !open {
				return nil
			}
			err = s.send(ctx, []uuid.UUID{c.Object}, c.Position.String())
		case <-clocks:
			err = s.out.write(agentapi.DesiredEvent{Clock: &agentapi.Clock{Offset: s.zones.Clock.Offset()}})
		case <-silence.C:
			err = s.beat(ctx)
		}
		if err != nil {
			return err
		}
		silence.Reset(s.zones.Heartbeat)
	}
}

// beat says that the stream lives, and notes that the agent does.
func (s *desiredStream) beat(ctx context.Context) error {
	if err := s.out.write(agentapi.DesiredEvent{Heartbeat: true}); err != nil {
		return err
	}
	return s.zones.Store.System(ctx, func(tx store.Tx) error {
		now, real := s.zones.Clock.Now(), s.zones.RealNow()
		n, err := zonedb.New(tx).Seen(ctx, zonedb.SeenParams{ZoneID: s.agent.zone, LastSeenAt: &now, LastSeenReal: &real, Epoch: s.agent.epoch})
		if err == nil && n == 0 {
			return errSuperseded
		}
		return err
	})
}

// end logs why a stream broke; the agent resumes by itself.
func (s *desiredStream) end(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.zones.Logger.Info("an agent's stream of wanted state ended", "zone", s.agent.zone, "error", err)
	}
}

// desired reads what is wanted of instances, with their log-ins opened. An agent
// that has been superseded is told nothing more.
func (z *Zones) desired(ctx context.Context, a agent, ids []uuid.UUID) ([]agentapi.Desired, error) {
	var out []agentapi.Desired
	err := z.Store.System(ctx, func(tx store.Tx) error {
		q := zonedb.New(tx)
		now, err := q.Agent(ctx, a.zone)
		if err != nil {
			return err
		}
		if err := inForce(now, a); err != nil {
			return err
		}
		rows, err := q.DesiredInstances(ctx, zonedb.DesiredInstancesParams{ZoneID: a.zone, Ids: ids})
		if err != nil {
			return err
		}
		credentials, err := z.credentials(ctx, q, ids)
		if err != nil {
			return err
		}
		backups, err := z.backups(ctx, tx, q, ids)
		if err != nil {
			return err
		}
		out = make([]agentapi.Desired, len(rows))
		for i, r := range rows {
			out[i] = wanted(r, credentials[r.ID])
			backups.add(&out[i], r.ID, r.Backup)
		}
		return nil
	})
	return out, err
}

func (z *Zones) credentials(ctx context.Context, q *zonedb.Queries, ids []uuid.UUID) (map[uuid.UUID][]driver.Credential, error) {
	rows, err := q.CredentialsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID][]driver.Credential{}
	for _, c := range rows {
		password, err := z.Secrets.Open(ctx, instance.SecretPlace(c.ID), c.Secret)
		if err != nil {
			return nil, err
		}
		out[c.InstanceID] = append(out[c.InstanceID], driver.Credential{ID: c.ID.String(), Login: c.Login, Password: string(password)})
	}
	return out, nil
}

func wanted(r zonedb.DesiredInstancesRow, credentials []driver.Credential) agentapi.Desired {
	d := agentapi.Desired{
		Instance: driver.Instance{
			ID: r.ID.String(), Service: r.Service, Generation: r.Generation, ServiceLevel: r.ServiceLevel, StorageGiB: r.StorageGib,
			Plan:            driver.Plan{Name: r.PlanName, Revision: int(r.PlanRevision), CPUMillis: r.CpuMillis, MemoryMiB: r.MemoryMib},
			AllowedNetworks: r.AllowedNetworks, Credentials: credentials, HeldData: r.HeldData, Restart: r.Restarts, LogDays: int(r.LogDays),
		},
		Name: r.OrganizationName + "/" + r.ProjectName + "/" + r.Name, Intent: agentapi.Intent(r.Intent), AcceptedAt: r.LastCommandAt.UTC(),
	}
	_ = json.Unmarshal(r.Parameters, &d.Parameters)
	return d
}
