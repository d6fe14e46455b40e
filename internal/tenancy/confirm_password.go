package tenancy

import (
	"context"

	"github.com/google/uuid"

	"souk/internal/problem"
	"souk/internal/tenancy/tenancydb"
)

// ConfirmPassword refuses somebody who is logged in but does not know the
// account's password: a session alone is not enough for some changes.
func (l *Logins) ConfirmPassword(ctx context.Context, account uuid.UUID, password string) error {
	phc, err := tenancydb.New(l.store.SystemPool()).PasswordOf(ctx, account)
	if err != nil {
		return err
	}
	ok, err := l.matches(ctx, phc, password)
	if err == nil && !ok {
		return problem.InvalidField("body.password", nil, "is wrong")
	}
	return err
}
