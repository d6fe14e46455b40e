package api

import "time"

// SSO is how an organization's people sign in by its own identity provider
// (OpenID Connect).
type SSO struct {
	Configured       bool        `json:"configured"`
	Enabled          bool        `json:"enabled"`
	Issuer           string      `json:"issuer,omitempty"`
	ClientID         string      `json:"clientID,omitempty"`
	ClientSecretKept bool        `json:"clientSecretKept" doc:"There is a client secret. It is never given back"`
	GroupClaim       string      `json:"groupClaim" doc:"Claim of the provider's tokens that lists a person's groups"`
	Groups           []SSOGroup  `json:"groups" nullable:"false" doc:"The largest role of a person's groups counts"`
	DefaultRole      Role        `json:"defaultRole,omitempty" doc:"Of people without a group that is listed. Absent: they do not get in"`
	PasswordsAllowed bool        `json:"passwordsAllowed" doc:"Members with an address in one of the domains may use a password as well. Owners always may"`
	Domains          []SSODomain `json:"domains" nullable:"false"`
	RedirectURI      string      `json:"redirectURI" doc:"To be entered at the provider"`
	SignedOutURI     string      `json:"signedOutURI" doc:"To be entered at the provider, as where to go after signing out"`
	UpdatedAt        *time.Time  `json:"updatedAt,omitempty"`
}

// SSOGroup is what a group at the provider may do here.
type SSOGroup struct {
	Group string `json:"group" minLength:"1" maxLength:"200"`
	Role  Role   `json:"role" enum:"owner,admin,editor,viewer,billing"`
}

// SSOPut is the body of PUT …/sso.
type SSOPut struct {
	Enabled          bool       `json:"enabled" doc:"false ends the sessions that began by it"`
	Issuer           string     `json:"issuer" maxLength:"512" example:"https://login.example.com"`
	ClientID         string     `json:"clientID" minLength:"1" maxLength:"512"`
	ClientSecret     *string    `json:"clientSecret,omitempty" maxLength:"2048" doc:"Absent: the one that is kept. Empty: none"`
	GroupClaim       string     `json:"groupClaim,omitempty" maxLength:"128" doc:"Default: groups"`
	Groups           []SSOGroup `json:"groups,omitempty" maxItems:"200"`
	DefaultRole      Role       `json:"defaultRole,omitempty" enum:"admin,editor,viewer,billing" doc:"Absent: none"`
	PasswordsAllowed bool       `json:"passwordsAllowed"`
}

// SSODomain is a domain of e-mail addresses. It is bound to the organization once
// its DNS proves that the organization holds it.
type SSODomain struct {
	Domain      string     `json:"domain"`
	RecordName  string     `json:"recordName" doc:"Of the TXT record to publish"`
	RecordValue string     `json:"recordValue"`
	ProvenAt    *time.Time `json:"provenAt,omitempty" doc:"Absent: not bound"`
	Proof       string     `json:"proof,omitempty" enum:"dns,simulated" doc:"simulated: in souk dev only"`
}

// SSODomainClaim is the body of POST …/sso/domains.
type SSODomainClaim struct {
	Domain string `json:"domain" minLength:"1" maxLength:"253" example:"example.com"`
}

// SSODomainProof is the body of POST …/sso/domains/{domain}/prove.
type SSODomainProof struct {
	Simulate bool `json:"simulate,omitempty" doc:"Do not look at DNS: in souk dev only"`
}

// SSOTest is what the provider says of itself.
type SSOTest struct {
	OK       bool     `json:"ok"`
	Problem  string   `json:"problem,omitempty" doc:"Why people could not sign in"`
	Warnings []string `json:"warnings" nullable:"false"`
	SignOut  bool     `json:"signOut" doc:"Signing out here can end the session at the provider too"`
}

// SSOStart is the body of POST /api/v1/sso/start: an e-mail address, or the name
// of an organization.
type SSOStart struct {
	Email        string `json:"email,omitempty" maxLength:"254"`
	Organization string `json:"organization,omitempty" maxLength:"63"`
	ReturnTo     string `json:"returnTo,omitempty" maxLength:"1024" doc:"Given back when the sign-in ends"`
}

// SSOFlow is a sign-in that is under way.
type SSOFlow struct {
	URL          string    `json:"url" doc:"At the provider, to send the person to"`
	Secret       string    `json:"secret" doc:"To be kept where only the person's browser has it"`
	Organization string    `json:"organization"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

// SSOFinish is the body of POST /api/v1/sso/finish: what the provider sent the
// person back with, and the secret of the sign-in.
type SSOFinish struct {
	Secret string `json:"secret" maxLength:"128"`
	State  string `json:"state" maxLength:"512"`
	Code   string `json:"code,omitempty" maxLength:"4096"`
	Issuer string `json:"iss,omitempty" maxLength:"512"`
	Error  string `json:"error,omitempty" maxLength:"256"`
}

// SSOLogin is the answer to an SSOFinish.
type SSOLogin struct {
	LoginResponse
	ReturnTo string `json:"returnTo,omitempty"`
}

// AccountSSO says by which single sign-on the session began.
type AccountSSO struct {
	Organization string `json:"organization,omitempty" doc:"Absent: by none"`
	SignOutURL   string `json:"signOutURL,omitempty" doc:"Ends the session at the provider too. Absent: the provider has none, or does not answer"`
}
