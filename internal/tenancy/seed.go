package tenancy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// Seed describes an organization that a set-up brings with it.
type Seed struct {
	Name, DisplayName string
	Kinds             []string
	TimeZone          string
	Projects          []string
	Members           []SeedMember
	Tokens            []SeedToken
}

// SeedMember is a person, with an account of its own, and a role in the whole
// organization.
type SeedMember struct {
	Email, Name, Password string
	Role                  api.Role
}

// SeedToken is a token whose secret is known beforehand.
type SeedToken struct {
	Name   string
	Role   api.Role
	Secret string // as NewSecret makes them
	Days   int
}

const seeder = "system:seed"

// Plant makes what is missing of the organization and returns its ID. What is
// there already stays as it is, passwords and roles too. The transaction is one
// of souk_system.
func (s Seed) Plant(ctx context.Context, tx store.Tx, at time.Time) (uuid.UUID, error) {
	q := tenancydb.New(tx)
	id, err := s.plantOrganization(ctx, tx, q, at)
	if err != nil {
		return uuid.Nil, err
	}
	for _, name := range s.Projects {
		if err := CheckName("project", name); err != nil {
			return uuid.Nil, err
		}
		if _, err := q.InsertProject(ctx, tenancydb.InsertProjectParams{ID: store.NewID(), OrganizationID: id, Name: name, CreatedAt: at}); err != nil {
			return uuid.Nil, err
		}
	}
	for _, m := range s.Members {
		if err := m.plant(ctx, q, id, at); err != nil {
			return uuid.Nil, fmt.Errorf("member %s: %w", m.Email, err)
		}
	}
	for _, t := range s.Tokens {
		if err := t.plant(ctx, q, id, at); err != nil {
			return uuid.Nil, fmt.Errorf("token %s: %w", t.Name, err)
		}
	}
	return id, nil
}

func (s Seed) plantOrganization(ctx context.Context, tx store.Tx, q *tenancydb.Queries, at time.Time) (uuid.UUID, error) {
	if err := errors.Join(CheckName("name", s.Name), checkTimeZone("timeZone", s.TimeZone)); err != nil {
		return uuid.Nil, err
	}
	n, err := q.InsertOrganization(ctx, tenancydb.InsertOrganizationParams{
		ID: store.NewID(), Name: s.Name, DisplayName: s.DisplayName, Kinds: s.Kinds, TimeZone: s.TimeZone, CreatedAt: at,
	})
	if err != nil {
		return uuid.Nil, err
	}
	id, err := q.OrganizationID(ctx, s.Name)
	if err != nil || n == 0 {
		return id, err
	}
	return id, audit.Write(ctx, tx, audit.Event{
		Organization: id, At: at, Actor: seeder, Action: "organization.create", Kind: "organization", ObjectID: id.String(), ObjectName: s.Name,
	})
}

func (m SeedMember) plant(ctx context.Context, q *tenancydb.Queries, organization uuid.UUID, at time.Time) error {
	account, err := q.AccountByEmail(ctx, m.Email)
	if errors.Is(err, pgx.ErrNoRows) {
		account.ID = store.NewID()
		err = q.InsertAccount(ctx, tenancydb.InsertAccountParams{
			ID: account.ID, Email: m.Email, Name: m.Name, PasswordHash: HashPassword(m.Password), CreatedAt: at, Locale: defaultLocale,
		})
	}
	if err != nil {
		return err
	}
	_, err = q.MemberOf(ctx, tenancydb.MemberOfParams{OrganizationID: organization, AccountID: account.ID})
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return q.InsertMember(ctx, tenancydb.InsertMemberParams{
		ID: store.NewID(), OrganizationID: organization, AccountID: account.ID, Role: string(m.Role), CreatedAt: at,
	})
}

func (t SeedToken) plant(ctx context.Context, q *tenancydb.Queries, organization uuid.UUID, at time.Time) error {
	_, err := q.TokenBySecret(ctx, hashSecret(t.Secret))
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return q.InsertToken(ctx, tenancydb.InsertTokenParams{
		ID: store.NewID(), OrganizationID: organization, Name: t.Name, Role: string(t.Role), SecretHash: hashSecret(t.Secret),
		CreatedBy: seeder, CreatedAt: at, ExpiresAt: at.AddDate(0, 0, t.Days),
	})
}
