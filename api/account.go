package api

import "time"

// SignUp is the body of POST /api/v1/signup: somebody wants an account, and an
// organization of which they are the owner. Both are made when the link is opened
// that is sent to the address.
type SignUp struct {
	Email        string             `json:"email" format:"email" maxLength:"254"`
	Name         string             `json:"name,omitempty" maxLength:"120"`
	Password     string             `json:"password" maxLength:"1024" doc:"At least 12 characters, and not the address"`
	Organization SignUpOrganization `json:"organization"`
	Locale       string             `json:"locale,omitempty" enum:"en,de" doc:"Language of mails. Default: en"`
}

// SignUpOrganization is the organization that a person makes.
type SignUpOrganization struct {
	Name        string `json:"name" doc:"1 to 63 lower-case letters, digits and hyphens" example:"acme"`
	DisplayName string `json:"displayName,omitempty" maxLength:"120"`
}

// LinkToken is the body of a request with the token of a link that was mailed.
type LinkToken struct {
	Token string `json:"token" maxLength:"128"`
}

// EmailAddress is the body of a request for another mail.
type EmailAddress struct {
	Email string `json:"email" format:"email" maxLength:"254"`
}

// PasswordReset is the body of POST /api/v1/password-reset/complete.
type PasswordReset struct {
	Token    string `json:"token" maxLength:"128" doc:"Of the link that was mailed"`
	Password string `json:"password" maxLength:"1024" doc:"At least 12 characters, and not the address"`
}

// Account is a person's own.
type Account struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Locale   string `json:"locale" enum:"en,de"`
	TimeZone string `json:"timeZone" doc:"IANA zone that times are shown in" example:"Europe/Zurich"`
	Verified bool   `json:"verified" doc:"The address has been shown to be the person's"`
}

// AccountPatch is the body of PATCH /api/v1/account; what is absent stays.
type AccountPatch struct {
	Name     *string `json:"name,omitempty" maxLength:"120"`
	Locale   *string `json:"locale,omitempty" enum:"en,de"`
	TimeZone *string `json:"timeZone,omitempty"`
}

// PasswordChange is the body of PUT /api/v1/account/password.
type PasswordChange struct {
	Current string `json:"current" maxLength:"1024" doc:"The present password"`
	New     string `json:"new" maxLength:"1024" doc:"At least 12 characters, and not the address"`
}

// Session is one place where a person is logged in.
type Session struct {
	ID         string     `json:"id"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	Address    string     `json:"address,omitempty" doc:"That the log-in came from: an IPv4 address, or a network of IPv6"`
	UserAgent  string     `json:"userAgent,omitempty" doc:"What the client called itself at the log-in"`
	Current    bool       `json:"current" doc:"It is the one that asks"`
}
