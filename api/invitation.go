package api

import "time"

// Invitation lets whoever reads the mail to its address become a member.
type Invitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Role      Role      `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Project   string    `json:"project,omitempty" doc:"Absent: the whole organization"`
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// InvitationCreate is the body of POST …/invitations.
type InvitationCreate struct {
	Email   string `json:"email" format:"email" maxLength:"254"`
	Role    Role   `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Project string `json:"project,omitempty" doc:"Absent: the whole organization"`
}

// InvitationShown says what an invitation is to.
type InvitationShown struct {
	Organization  string    `json:"organization"`
	DisplayName   string    `json:"displayName,omitempty"`
	Project       string    `json:"project,omitempty"`
	Role          Role      `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Email         string    `json:"email"`
	InvitedBy     string    `json:"invitedBy"`
	ExpiresAt     time.Time `json:"expiresAt"`
	AccountExists bool      `json:"accountExists" doc:"With it one logs in first; without, one chooses a name and a password"`
}

// InvitationRedeem is the body of POST /api/v1/invitations/redeem. Name, password
// and locale are those of a new account, where the asker is not logged in.
type InvitationRedeem struct {
	Token    string `json:"token" maxLength:"128" doc:"Of the link that was mailed"`
	Name     string `json:"name,omitempty" maxLength:"120"`
	Password string `json:"password,omitempty" maxLength:"1024" doc:"At least 12 characters, and not the address"`
	Locale   string `json:"locale,omitempty" enum:"en,de"`
}

// InvitationRedeemed says what the person is a member of now.
type InvitationRedeemed struct {
	Organization string         `json:"organization"`
	Project      string         `json:"project,omitempty"`
	Role         Role           `json:"role" enum:"owner,admin,editor,viewer,billing"`
	Session      *LoginResponse `json:"session,omitempty" doc:"Of who had no account before"`
}
