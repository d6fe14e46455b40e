package api

// TOTPKey is a secret for a person's device, which makes codes of it (RFC 6238).
type TOTPKey struct {
	Secret string `json:"secret" doc:"To type into the device"`
	URI    string `json:"uri" doc:"The same as otpauth://"`
	QR     []byte `json:"qr" doc:"The same as a picture for the device to read: PNG"`
}

// TOTPConfirm is the body of POST /api/v1/account/totp/confirm.
type TOTPConfirm struct {
	Code string `json:"code" maxLength:"64" doc:"That the device shows now"`
}

// RecoveryCodes stand in for a device that is lost, each once.
type RecoveryCodes struct {
	RecoveryCodes []string `json:"recoveryCodes" nullable:"false" doc:"In this answer only; empty in a repeat"`
}

// TOTPDisable is the body of DELETE /api/v1/account/totp.
type TOTPDisable struct {
	Password string `json:"password" maxLength:"1024"`
	Code     string `json:"code" maxLength:"64" doc:"That the device shows now, or a recovery code"`
}

// RecoveryCodesRenew is the body of POST /api/v1/account/totp/recovery-codes.
type RecoveryCodesRenew struct {
	Password string `json:"password" maxLength:"1024"`
	Code     string `json:"code" maxLength:"64" doc:"That the device shows now, or a recovery code"`
}

// TOTPStatus says whether logging in takes a second factor.
type TOTPStatus struct {
	Enabled           bool `json:"enabled"`
	RecoveryCodesLeft int  `json:"recoveryCodesLeft"`
	Passkeys          bool `json:"passkeys" doc:"Passkeys can be used: Souk was opened by a name, and over https"`
}
