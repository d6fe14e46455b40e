package tenancy

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

const defaultTokenDays = 90

// Tokens lists the organization's tokens, without their secrets, in the order in
// which they were made.
func Tokens(ctx context.Context, tx store.Tx, organization, after uuid.UUID, limit int) ([]api.Token, error) {
	rows, err := tenancydb.New(tx).Tokens(ctx, tenancydb.TokensParams{OrganizationID: organization, After: after, Limit: int32(limit)})
	if err != nil {
		return nil, err
	}
	list := make([]api.Token, len(rows))
	for i, r := range rows {
		list[i] = token(tenancydb.TokenRow(r))
	}
	return list, nil
}

// Token returns one token, without its secret.
func Token(ctx context.Context, tx store.Tx, organization, id uuid.UUID) (api.Token, error) {
	row, err := tenancydb.New(tx).Token(ctx, tenancydb.TokenParams{OrganizationID: organization, ID: id})
	return token(row), found(err, "token", id.String())
}

func token(r tenancydb.TokenRow) api.Token {
	return api.Token{
		ID: r.ID.String(), Name: r.Name, Role: api.Role(r.Role), Project: r.Project, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), LastUsedAt: utc(r.LastUsedAt), RevokedAt: utc(r.RevokedAt),
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// CreateToken makes a token that allows no more than its maker may do, and
// returns it with its secret, which is not kept.
func CreateToken(ctx context.Context, tx store.Tx, organization uuid.UUID, in api.TokenCreate, maker authz.Principal, at time.Time) (api.Token, error) {
	if strings.TrimSpace(in.Name) == "" {
		return api.Token{}, problem.InvalidField("body.name", in.Name, "must say what the token is for")
	}
	if !authz.Covers(maker.Role(organization), in.Role) {
		return api.Token{}, problem.Forbidden("A token cannot allow more than you may do yourself. Choose a smaller role than %s.", in.Role)
	}
	if in.ExpiresInDays == 0 {
		in.ExpiresInDays = defaultTokenDays
	}
	project, err := projectOf(ctx, tx, organization, in.Project)
	if err != nil {
		return api.Token{}, err
	}
	if project != nil && in.Role == api.RoleOwner {
		return api.Token{}, problem.InvalidField("body.role", in.Role, "owners own the whole organization; leave the project out or choose another role")
	}
	id, secret := store.NewID(), NewSecret()
	err = tenancydb.New(tx).InsertToken(ctx, tenancydb.InsertTokenParams{
		ID: id, OrganizationID: organization, ProjectID: project, Name: in.Name, Role: string(in.Role), SecretHash: hashSecret(secret),
		CreatedBy: maker.Name, CreatedAt: at, ExpiresAt: at.AddDate(0, 0, in.ExpiresInDays),
	})
	if err != nil {
		return api.Token{}, err
	}
	t, err := Token(ctx, tx, organization, id)
	t.Secret = secret
	return t, err
}

// RevokeToken ends a token at once, and says whether it was still good.
func RevokeToken(ctx context.Context, tx store.Tx, organization, id uuid.UUID, at time.Time) (t api.Token, changed bool, err error) {
	if t, err = Token(ctx, tx, organization, id); err != nil || t.RevokedAt != nil {
		return t, false, err
	}
	return t, true, tenancydb.New(tx).RevokeToken(ctx, tenancydb.RevokeTokenParams{ID: id, RevokedAt: &at})
}
