package httpapi_test

import (
	"context"
	"testing"

	"github.com/pquerna/otp/totp"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

const totpPath = "/api/v1/account/totp"

var totpRows = map[string]row{
	"totp-get": {self: func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: totpPath}
	}},
	"totp-begin": {self: func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: totpPath}
	}},
	"totp-confirm": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		return confirms(e, beginTOTP(t, e, e.Session(t, email)))
	}},
	"totp-disable": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: totpPath, Body: api.TOTPDisable{Password: httpapitest.Password, Code: recoveryCode(t, e, email)}}
	}},
	"totp-recovery-codes": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: totpPath + "/recovery-codes", Body: api.RecoveryCodesRenew{Password: httpapitest.Password, Code: recoveryCode(t, e, email)}}
	}},
}

// recoveryCode sets a second factor up and returns one of its recovery codes.
func recoveryCode(t *testing.T, e *httpapitest.Env, email string) string {
	t.Helper()
	forgetTOTP(t, e, email)
	session := e.Session(t, email)
	var out api.RecoveryCodes
	e.Do(t, with(confirms(e, beginTOTP(t, e, session)), session)).Want(t, 200).Decode(t, &out)
	return out.RecoveryCodes[0]
}

func beginTOTP(t *testing.T, e *httpapitest.Env, session string) (key api.TOTPKey) {
	t.Helper()
	e.Do(t, httpapitest.Request{Method: "POST", Path: totpPath, Token: session}).Want(t, 200).Decode(t, &key)
	return key
}

func confirms(e *httpapitest.Env, key api.TOTPKey) httpapitest.Request {
	return httpapitest.Request{Method: "POST", Path: totpPath + "/confirm", Body: api.TOTPConfirm{Code: codeAt(e, key)}}
}

// codeAt is what the person's device shows by the real time of a test.
func codeAt(e *httpapitest.Env, key api.TOTPKey) string {
	code, err := totp.GenerateCode(key.Secret, e.Clock.Now())
	if err != nil {
		panic(err)
	}
	return code
}

func forgetTOTP(t *testing.T, e *httpapitest.Env, email string) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM totp WHERE account_id = (SELECT id FROM accounts WHERE email = $1)", email)
		return err
	})
}
