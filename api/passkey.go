package api

import (
	"encoding/json"
	"time"
)

// Passkey is a key that a person's device or security key holds, to log in with
// beside the password (WebAuthn).
type Passkey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Site       string     `json:"site" doc:"Name of the site that it works at"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
}

// PasskeyOptions is what to give to the browser's navigator.credentials.
type PasskeyOptions struct {
	PublicKey json.RawMessage `json:"publicKey" doc:"Options of WebAuthn, as JSON"`
}

// PasskeyCreate is the body of POST /api/v1/account/passkeys.
type PasskeyCreate struct {
	Name       string          `json:"name" minLength:"1" maxLength:"60" doc:"For people to tell it from others" example:"laptop"`
	Password   string          `json:"password" maxLength:"1024"`
	Credential json.RawMessage `json:"credential" doc:"What the browser answered, as JSON"`
}

// LoginTicket is the body of POST /api/v1/login/passkey.
type LoginTicket struct {
	Ticket string `json:"ticket" maxLength:"128"`
}

// LoginPasskey is the body of POST /api/v1/login/passkey/finish.
type LoginPasskey struct {
	Ticket     string          `json:"ticket" maxLength:"128"`
	Credential json.RawMessage `json:"credential" doc:"What the browser answered, as JSON"`
}
