package tenancy

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/envelope"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// TOTP keeps people's second factors: codes of a secret that their device has
// too, each good for half a minute (RFC 6238).
type TOTP struct {
	Secrets *envelope.Envelope
	// Mails takes in what tells people of a change of theirs.
	Mails *mail.Outbox
	// Real tells the machine's time: the person's device knows no other, and
	// would not follow a clock that development moved.
	Real func() time.Time
}

// TOTPPlace is what an account's secret is sealed for.
func TOTPPlace(account uuid.UUID) string { return "totp/" + account.String() }

// Act is what a person does to their own account.
type Act struct {
	Principal authz.Principal
	RequestID string
	Now       time.Time
}

// Begin makes a secret for the person's device. It is in force once Confirm has
// seen a code of it; until then another Begin replaces it.
func (f *TOTP) Begin(ctx context.Context, tx store.Tx, a Act) (api.TOTPKey, error) {
	if a.Principal.SSO != "" { // who came without the password must not make it worthless
		return api.TOTPKey{}, problem.Conflict("sso-second-factor", "You are logged in by single sign-on, where your organization's provider asks for a second factor. Log in with your password to have one here.")
	}
	key, err := newTOTPKey(a.Principal.Name)
	if err != nil {
		return api.TOTPKey{}, err
	}
	sealed, err := f.Secrets.Seal(ctx, TOTPPlace(a.Principal.Account), []byte(key.Secret))
	if err != nil {
		return api.TOTPKey{}, err
	}
	n, err := tenancydb.New(tx).BeginTOTP(ctx, tenancydb.BeginTOTPParams{AccountID: a.Principal.Account, Sealed: sealed, BegunAt: a.Now})
	if err != nil {
		return api.TOTPKey{}, err
	}
	if n == 0 {
		return api.TOTPKey{}, problem.Conflict("second-factor-on", "Your account has a second factor already. To use another device, turn it off first.")
	}
	return key, a.audit(ctx, tx, "totp.begin")
}

// Pending returns the secret that Begin made, as long as it is not in force.
func (f *TOTP) Pending(ctx context.Context, tx store.Tx, a Act) (api.TOTPKey, error) {
	_, secret, err := f.pending(ctx, tx, a.Principal.Account)
	if err != nil {
		return api.TOTPKey{}, err
	}
	return totpKey(a.Principal.Name, secret)
}

func (f *TOTP) pending(ctx context.Context, tx store.Tx, account uuid.UUID) (row tenancydb.LockTOTPRow, secret string, err error) {
	row, secret, err = f.lock(ctx, tx, account)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && row.ConfirmedAt != nil) {
		return row, "", problem.Conflict("second-factor-not-begun", "No second factor waits to be confirmed. Begin with one first.")
	}
	return row, secret, err
}

func (f *TOTP) lock(ctx context.Context, tx store.Tx, account uuid.UUID) (row tenancydb.LockTOTPRow, secret string, err error) {
	row, err = tenancydb.New(tx).LockTOTP(ctx, account)
	if err != nil {
		return row, "", err
	}
	opened, err := f.Secrets.Open(ctx, TOTPPlace(account), row.Sealed)
	return row, string(opened), err
}

// Confirm puts the secret into force that Begin made, and returns the recovery
// codes, which are not kept.
func (f *TOTP) Confirm(ctx context.Context, tx store.Tx, a Act, code string) ([]string, error) {
	row, secret, err := f.pending(ctx, tx, a.Principal.Account)
	if err != nil {
		return nil, err
	}
	step, ok := matchingStep(secret, code, f.Real(), row.LastStep)
	if !ok {
		return nil, problem.InvalidField("body.code", nil, "is not what the device should show now; check that its clock is right")
	}
	q := tenancydb.New(tx)
	if err := q.UseTOTPStep(ctx, tenancydb.UseTOTPStepParams{AccountID: a.Principal.Account, LastStep: step}); err != nil {
		return nil, err
	}
	if err := q.ConfirmTOTP(ctx, tenancydb.ConfirmTOTPParams{AccountID: a.Principal.Account, ConfirmedAt: &a.Now}); err != nil {
		return nil, err
	}
	codes, err := putRecoveryCodes(ctx, q, a.Principal.Account)
	if err != nil {
		return nil, err
	}
	return codes, f.record(ctx, tx, a, "totp.enable", mail.SecondFactorOn)
}

// RenewCodes returns new recovery codes, and those before are of no use any more.
// The caller has asked for the password.
func (f *TOTP) RenewCodes(ctx context.Context, tx store.Tx, a Act, code string) ([]string, error) {
	if err := f.confirm(ctx, tx, a, code); err != nil {
		return nil, err
	}
	q := tenancydb.New(tx)
	if err := q.DeleteRecoveryCodes(ctx, a.Principal.Account); err != nil {
		return nil, err
	}
	codes, err := putRecoveryCodes(ctx, q, a.Principal.Account)
	if err != nil {
		return nil, err
	}
	return codes, f.record(ctx, tx, a, "totp.renew-codes", mail.RecoveryCodesRenewed)
}

func putRecoveryCodes(ctx context.Context, q *tenancydb.Queries, account uuid.UUID) ([]string, error) {
	codes := newRecoveryCodes()
	for _, c := range codes {
		if err := q.InsertRecoveryCode(ctx, tenancydb.InsertRecoveryCodeParams{AccountID: account, CodeHash: hashRecoveryCode(c)}); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// Disable takes the second factor away, for somebody who has it. The caller has
// asked for the password.
func (f *TOTP) Disable(ctx context.Context, tx store.Tx, a Act, code string) error {
	if err := f.confirm(ctx, tx, a, code); err != nil {
		return err
	}
	if err := tenancydb.New(tx).DeleteTOTP(ctx, a.Principal.Account); err != nil {
		return err
	}
	return f.record(ctx, tx, a, "totp.disable", mail.SecondFactorOff)
}

// confirm refuses somebody who is logged in but has no code of the second factor.
func (f *TOTP) confirm(ctx context.Context, tx store.Tx, a Act, code string) error {
	how, err := f.check(ctx, tx, a.Principal.Account, code, a.Now)
	switch {
	case errors.Is(err, errWrongCode), errors.Is(err, errNoCode):
		return problem.InvalidField("body.code", nil, "is wrong, or was used before")
	case err == nil && how == "":
		return problem.Conflict("second-factor-off", "Your account has no second factor.")
	}
	return err
}

// record notes in the audit log what changed, and tells the person.
func (f *TOTP) record(ctx context.Context, tx store.Tx, a Act, action string, kind mail.Kind) error {
	row, err := tenancydb.New(tx).Account(ctx, a.Principal.Account)
	if err != nil {
		return err
	}
	if err := tell(ctx, tx, f.Mails, person{row.ID, row.Email, row.Locale}, kind, a.Now); err != nil {
		return err
	}
	return a.audit(ctx, tx, action)
}

// Status says whether the account has a second factor in force.
func (f *TOTP) Status(ctx context.Context, tx store.Tx, account uuid.UUID) (api.TOTPStatus, error) {
	row, err := tenancydb.New(tx).TOTPStatus(ctx, account)
	if errors.Is(err, pgx.ErrNoRows) {
		return api.TOTPStatus{}, nil
	}
	return api.TOTPStatus{Enabled: row.Enabled, RecoveryCodesLeft: int(row.RecoveryCodesLeft)}, err
}

var (
	errNoCode    = errors.New("a code is needed")
	errWrongCode = errors.New("the code is wrong")
)

// check takes a code of the account's second factor, once, and says which kind it
// was: "totp", "recovery code", or "" where the account has no second factor.
func (f *TOTP) check(ctx context.Context, tx store.Tx, account uuid.UUID, code string, now time.Time) (how string, err error) {
	row, secret, err := f.lock(ctx, tx, account)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || (err == nil && row.ConfirmedAt == nil):
		return "", nil
	case err != nil:
		return "", err
	case code == "":
		return "", errNoCode
	}
	q := tenancydb.New(tx)
	if step, ok := matchingStep(secret, code, f.Real(), row.LastStep); ok {
		return "totp", q.UseTOTPStep(ctx, tenancydb.UseTOTPStepParams{AccountID: account, LastStep: step})
	}
	n, err := q.UseRecoveryCode(ctx, tenancydb.UseRecoveryCodeParams{AccountID: account, CodeHash: hashRecoveryCode(code), UsedAt: &now})
	if err == nil && n == 0 {
		return "", errWrongCode
	}
	return "recovery code", err
}

const codeSecondFactorRequired = "second-factor-required"

// secondFactor asks for the second factor of somebody who logs in with the right
// password.
func (f *TOTP) secondFactor(ctx context.Context, tx store.Tx, account uuid.UUID, code string, now time.Time) (details map[string]any, err error) {
	how, err := f.check(ctx, tx, account, code, now)
	switch {
	case errors.Is(err, errNoCode):
		return nil, &problem.Error{Status: http.StatusUnauthorized, Code: codeSecondFactorRequired, Detail: "Your account has a second factor. Send the code that your device shows, or a recovery code, as well."}
	case errors.Is(err, errWrongCode):
		return nil, &problem.Error{Status: http.StatusUnauthorized, Code: "second-factor-wrong", Detail: "The code is wrong, or was used before. Wait for the next one, or use a recovery code."}
	case how == "":
		return nil, err
	}
	return map[string]any{"secondFactor": how}, err
}

func (a Act) audit(ctx context.Context, tx store.Tx, action string) error {
	return auditSession(ctx, tx, a.Principal.Account, audit.Event{
		Action: action, Kind: "account", ObjectID: a.Principal.Account.String(), ObjectName: a.Principal.Name, Actor: a.Principal.Name, RequestID: a.RequestID, At: a.Now,
	})
}
