package api

import "time"

// Role of a member or token.
type Role string

// The roles. Owner: everything; admin: all but owners and closing; editor:
// instances and reveals; viewer: reads, no reveal; billing: costs only.
const (
	RoleOwner   Role = "owner"
	RoleAdmin   Role = "admin"
	RoleEditor  Role = "editor"
	RoleViewer  Role = "viewer"
	RoleBilling Role = "billing"
)

// Organization is the tenant and the party that is billed.
type Organization struct {
	Metadata    Metadata `json:"metadata"`
	DisplayName string   `json:"displayName,omitempty"`
	TimeZone    string   `json:"timeZone" doc:"IANA zone of the billing account" example:"Europe/Zurich"`
	Kinds       []string `json:"kinds" nullable:"false" doc:"customer, operator, csp, msp, isv, partner"`
	Quota       Quota    `json:"quota"`
}

// OrganizationCreate is the body of POST /api/v1/organizations, for the
// operator's staff. The organization starts with a project named "default".
type OrganizationCreate struct {
	Name        string   `json:"name"`
	DisplayName string   `json:"displayName,omitempty" maxLength:"120"`
	TimeZone    string   `json:"timeZone,omitempty" doc:"IANA zone of the billing account. Default: Europe/Zurich"`
	Kinds       []string `json:"kinds,omitempty" enum:"customer,csp,msp,isv,partner" doc:"Default: customer"`
	Owner       string   `json:"owner" format:"email" maxLength:"254" doc:"Whose account becomes the first owner"`
}

// OrganizationUpdate is the body of PUT /api/v1/organizations/{org}.
type OrganizationUpdate struct {
	DisplayName string `json:"displayName,omitempty" maxLength:"120" doc:"Absent: none"`
	TimeZone    string `json:"timeZone" doc:"IANA zone of the billing account: where its months begin" example:"Europe/Zurich"`
}

// Quota bounds what an organization can run at once.
type Quota struct {
	Instances  int64 `json:"instances" minimum:"0"`
	CPUMillis  int64 `json:"cpuMillis" minimum:"0"`
	MemoryMiB  int64 `json:"memoryMiB" minimum:"0"`
	StorageGiB int64 `json:"storageGiB" minimum:"0"`
}

// QuotaUse shows a quota and what is used of it.
type QuotaUse struct {
	Quota Quota `json:"quota"`
	Used  Quota `json:"used"`
}

// Project is a group of an organization's instances.
type Project struct {
	Metadata    Metadata `json:"metadata"`
	DisplayName string   `json:"displayName,omitempty"`
}

// ProjectCreate is the body of POST …/projects.
type ProjectCreate struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty" maxLength:"120"`
}

// Member is a person in an organization, or in one of its projects only.
type Member struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name,omitempty"`
	Role      Role      `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Project   string    `json:"project,omitempty" doc:"Absent: the whole organization"`
	BySSO     bool      `json:"bySSO,omitempty" doc:"The role follows the person's groups at the organization's identity provider, until it is changed by hand"`
	CreatedAt time.Time `json:"createdAt"`
}

// MemberPut is the body of PUT …/members: it adds the person or changes the role.
type MemberPut struct {
	Email   string `json:"email" format:"email" maxLength:"254"`
	Role    Role   `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Project string `json:"project,omitempty"`
}

// Token is an API token; its secret is shown once, when it is made.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Role       Role       `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Project    string     `json:"project,omitempty"`
	CreatedBy  string     `json:"createdBy,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	RevokedAt  *time.Time `json:"revokedAt,omitempty"`
	Secret     string     `json:"secret,omitempty" doc:"Only in the answer that makes it"`
}

// TokenCreate is the body of POST …/tokens.
type TokenCreate struct {
	Name          string `json:"name" maxLength:"63"`
	Role          Role   `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Project       string `json:"project,omitempty"`
	ExpiresInDays int    `json:"expiresInDays,omitempty" minimum:"1" maximum:"366" doc:"Default: 90"`
}

// AuditRecord is one entry of the audit log, which only ever grows.
type AuditRecord struct {
	ID        string         `json:"id"`
	At        time.Time      `json:"at"`
	Actor     string         `json:"actor"`
	Action    string         `json:"action" example:"instance.update"`
	Kind      string         `json:"kind" example:"instance"`
	Object    string         `json:"object,omitempty" doc:"Name of what was changed"`
	ObjectID  string         `json:"objectID,omitempty"`
	Project   string         `json:"project,omitempty"`
	RequestID string         `json:"requestID,omitempty"`
	Details   map[string]any `json:"details,omitempty"`
}

// LoginRequest is the body of POST /api/v1/login.
type LoginRequest struct {
	Email    string `json:"email" format:"email" maxLength:"254"`
	Password string `json:"password" maxLength:"1024"`
	Code     string `json:"code,omitempty" maxLength:"64" doc:"Of the second factor, where the account has one, or a recovery code"`
}

// LoginStart is the body of POST /api/v1/login/start.
type LoginStart struct {
	Email    string `json:"email" format:"email" maxLength:"254"`
	Password string `json:"password" maxLength:"1024"`
}

// LoginStarted is what a right password gets: a session, or where the account has
// a second factor, a ticket.
type LoginStarted struct {
	Session         *LoginResponse `json:"session,omitempty"`
	Ticket          string         `json:"ticket,omitempty" doc:"To log in with and a code, once; alone it is good for nothing"`
	TicketExpiresAt *time.Time     `json:"ticketExpiresAt,omitempty"`
}

// LoginFinish is the body of POST /api/v1/login/finish.
type LoginFinish struct {
	Ticket string `json:"ticket" maxLength:"128"`
	Code   string `json:"code" minLength:"1" maxLength:"64" doc:"That the device shows now, or a recovery code"`
}

// LoginResponse carries a session token: it acts as the person, in every
// organization where the person is a member.
type LoginResponse struct {
	Token         string      `json:"token"`
	ExpiresAt     time.Time   `json:"expiresAt"`
	Email         string      `json:"email"`
	Organizations []WhoamiOrg `json:"organizations" nullable:"false"`
}

// Whoami says who asks.
type Whoami struct {
	Kind          string      `json:"kind" enum:"session,token"`
	Actor         string      `json:"actor"`
	ExpiresAt     time.Time   `json:"expiresAt"`
	Organizations []WhoamiOrg `json:"organizations" nullable:"false"`
	SSO           string      `json:"sso,omitempty" doc:"Organization by whose single sign-on the session began"`
	Password      bool        `json:"password,omitempty" doc:"The person's account has a password"`
	View          *View       `json:"view,omitempty" doc:"In which the operator's staff look as an organization does"`
}

// WhoamiOrg is an organization that the asker can enter.
type WhoamiOrg struct {
	Name     string   `json:"name"`
	Role     Role     `json:"role,omitempty" doc:"In the whole organization"`
	Projects []string `json:"projects,omitempty" doc:"Where the role is for these only"`
	Operator bool     `json:"operator,omitempty" doc:"It is the operator's own organization"`
}

// CaughtMail is a mail that souk dev caught in place of sending it.
type CaughtMail struct {
	ID      string    `json:"id"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	// Attachments are the names of files that came with it.
	Attachments []string `json:"attachments,omitempty"`
}
