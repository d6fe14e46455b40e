package tenancy

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// How a device is logged in (RFC 8628): it asks for two codes, shows the short
// one to a person, who approves it where they are logged in, and exchanges the
// long one for a session of its own.
const (
	deviceLasts    = 10 * time.Minute
	deviceInterval = 5 * time.Second // between two questions; what one too early adds
)

// Device is one that asks to be logged in. Its codes are not kept.
type Device struct {
	Code, UserCode      string
	ExpiresIn, Interval time.Duration
}

// BeginDevice lets a device ask to be logged in. Client is what it calls itself.
func BeginDevice(ctx context.Context, s *store.Store, client, address string, now time.Time) (Device, error) {
	if err := checkClient(client); err != nil {
		return Device{}, err
	}
	d := Device{Code: newDeviceCode(), ExpiresIn: deviceLasts, Interval: deviceInterval}
	q := tenancydb.New(s.SystemPool())
	for {
		d.UserCode = newUserCode()
		n, err := q.InsertDevice(ctx, tenancydb.InsertDeviceParams{
			ID: store.NewID(), DeviceHash: hashSecret(d.Code), UserHash: hashUserCode(d.UserCode), Client: client, Address: address,
			CreatedAt: now, ExpiresAt: now.Add(deviceLasts), IntervalSeconds: int32(deviceInterval / time.Second),
		})
		if err != nil || n == 1 {
			return d, err
		}
	}
}

func checkClient(client string) error {
	for _, r := range client {
		if !unicode.IsPrint(r) {
			return problem.InvalidField("body.client", nil, "must be plain text in one line")
		}
	}
	return nil
}

// DeviceToken exchanges the device's code for a session, once, after a person
// approved it. Before, it says by a problem how things are.
func DeviceToken(ctx context.Context, s *store.Store, code string, from Caller, now time.Time) (Session, error) {
	var session Session
	var refused error // which changes what is known of the device, and so is no error of the transaction
	err := s.System(ctx, func(tx store.Tx) (err error) {
		session, refused = Session{}, nil
		q := tenancydb.New(tx)
		d, err := q.DeviceByCode(ctx, hashSecret(code))
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && !now.Before(d.ExpiresAt):
			return devicePending("expired-token", "The code has been used, or is older than %s. Begin anew.", deviceLasts)
		case err != nil:
			return err
		case d.DecidedAt == nil:
			refused, err = waitForDecision(ctx, q, d, now)
			return err
		case d.SessionID == nil:
			return devicePending("access-denied", "The person who was asked refused.")
		}
		who, err := q.Approver(ctx, tenancydb.ApproverParams{ID: *d.SessionID, Now: now})
		if errors.Is(err, pgx.ErrNoRows) {
			return devicePending("access-denied", "The person who approved this has logged out since.")
		}
		if err != nil {
			return err
		}
		if err := q.DeleteDevice(ctx, d.ID); err != nil {
			return err
		}
		if session, err = startSession(ctx, tx, who.ID, who.Email, from, map[string]any{"device": d.Client}, now); err != nil {
			return err
		}
		return q.InheritSSO(ctx, tenancydb.InheritSSOParams{ID: session.ID, Approver: *d.SessionID})
	})
	return session, errors.Join(err, refused)
}

// waitForDecision returns what to tell a device that nobody has decided about,
// and has it ask less often if it asked too early.
func waitForDecision(ctx context.Context, q *tenancydb.Queries, d tenancydb.DeviceByCodeRow, now time.Time) (refused, err error) {
	interval := time.Duration(d.IntervalSeconds) * time.Second
	p := devicePending("authorization-pending", "Nobody has approved this yet. Ask again in %s.", interval)
	if d.AskedAt != nil && now.Sub(*d.AskedAt) < interval {
		interval += deviceInterval
		p = devicePending("slow-down", "You ask too often. Ask again in %s.", interval)
	}
	p.RetryAfter = interval
	return p, q.DeviceAsked(ctx, tenancydb.DeviceAskedParams{ID: d.ID, AskedAt: &now, IntervalSeconds: int32(interval / time.Second)})
}

// devicePending is a refusal to hand out a session, with the status that RFC 8628
// has for all of them.
func devicePending(code, format string, args ...any) *problem.Error {
	p := problem.Conflict(code, format, args...)
	p.Status = http.StatusBadRequest
	return p
}

// WaitingDevice says which device shows the code, for the person, who is at the
// address, to recognize it.
func WaitingDevice(ctx context.Context, tx store.Tx, userCode, address string, now time.Time) (api.DeviceRequest, error) {
	d, err := tenancydb.New(tx).WaitingDevice(ctx, tenancydb.WaitingDeviceParams{UserHash: hashUserCode(userCode), Now: now})
	if err != nil {
		return api.DeviceRequest{}, noDevice(err)
	}
	return api.DeviceRequest{Client: d.Client, Address: d.Address, AskedAt: d.CreatedAt.UTC(), ExpiresAt: d.ExpiresAt.UTC(), SameAddress: d.Address == address}, nil
}

// DecideDevice lets the device that shows the code be logged in as the person,
// or refuses it. An approval holds as long as the session that gave it.
func DecideDevice(ctx context.Context, tx store.Tx, p authz.Principal, userCode string, approve bool, requestID string, now time.Time) error {
	action, session := "device.deny", (*uuid.UUID)(nil)
	if approve {
		action, session = "device.approve", &p.Credential
	}
	d, err := tenancydb.New(tx).DecideDevice(ctx, tenancydb.DecideDeviceParams{UserHash: hashUserCode(userCode), SessionID: session, Now: now})
	if err != nil {
		return noDevice(err)
	}
	return auditSession(ctx, tx, p.Account, audit.Event{
		Action: action, ObjectID: d.ID.String(), ObjectName: d.Client, Actor: p.Name, RequestID: requestID, At: now,
		Details: map[string]any{"address": d.Address},
	})
}

func noDevice(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return &problem.Error{Status: http.StatusNotFound, Code: "not-found", Detail: "No device waits with this code. Compare it with what the device shows; after 10 minutes, or once it was used, let the device begin anew."}
	}
	return err
}

// SweepDevices forgets devices whose time is over, at most limit of them, and
// returns how many those were.
func SweepDevices(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return tenancydb.New(tx).SweepDevices(ctx, tenancydb.SweepDevicesParams{Before: now, Limit: int32(limit)})
}
