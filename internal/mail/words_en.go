package mail

var english = language{
	roles:  map[string]string{"owner": "owner", "admin": "admin", "editor": "editor", "viewer": "viewer", "billing": "billing"},
	footer: "This mail was sent by Souk at",
	messages: map[Kind]wording{
		SignUp: {
			subject: "Confirm your e-mail address",
			before:  []string{"Somebody, you we hope, signed up with this address to make the organization {{.Organization}}.", "Confirm that the address is yours, and you are signed in:"},
			link:    "Confirm the address",
			after:   []string{"The link works once, within 24 hours.", "If this was not you, do nothing: no account is made without the link."},
		},
		KnownAddress: {
			subject: "You have an account already",
			before:  []string{"Somebody, you perhaps, signed up with this address. It has an account already, so nothing was changed.", "Log in with the account that you have. If you do not remember its password, you can choose a new one there."},
			link:    "Log in",
			after:   []string{"If this was not you, there is nothing that you need to do."},
		},
		Reset: {
			subject: "Choose a new password",
			before:  []string{"Somebody, you we hope, asked for a new password for the account with this address."},
			link:    "Choose a new password",
			after:   []string{"The link works once, within an hour. A new password ends all sessions of the account.", "If this was not you, do nothing: the password stays as it is."},
		},
		PasswordChanged: {
			subject: "Your password was changed",
			before:  []string{"The password of the account with this address was changed, and other sessions were ended.", "If this was not you, choose a new password at once:"},
			link:    "Choose a new password",
		},
		SecondFactorOn: {
			subject: "The second factor is on",
			before:  []string{"Logging in to the account with this address now takes a code beside the password.", "If that was not you, somebody was logged in to your account. Choose a new password at once, and turn to the operator:"},
			link:    "Choose a new password",
		},
		SecondFactorOff: {
			subject: "The second factor is off",
			before:  []string{"The password alone is now enough again to log in to the account with this address.", "If that was not you, choose a new password at once, and turn the second factor on again:"},
			link:    "Choose a new password",
		},
		RecoveryCodesRenewed: {
			subject: "You have new recovery codes",
			before:  []string{"The second factor of the account with this address has new recovery codes. Those before are of no use any more.", "If that was not you, choose a new password at once, and make new recovery codes once more:"},
			link:    "Choose a new password",
		},
		Maintenance: {
			subject: "Planned maintenance of instances of {{.Organization}}",
			link:    "See all maintenance",
			after:   []string{"What is planned can be put off, approved or done at once there. You get this mail because you are a member of {{.Organization}}."},
		},
		SLAReport: {
			subject: "SLA report of {{.Organization}} for {{.Period}}",
			before:  []string{"The month is over, and this is how available the instances of {{.Organization}} were:"},
			link:    "See the report, as a page, PDF or signed",
			after:   []string{"You get this mail once a month because you are an owner or administrator of {{.Organization}}, or see its costs."},
		},
		Alerts: {
			subject: "Alerts about instances of {{.Organization}}",
			link:    "See all alerts",
			after:   []string{"You get this mail because an alert channel of {{.Organization}} has your address. Its administrators can delete the channel."},
		},
		Invitation: {
			subject: "You are invited to {{.Organization}}",
			before: []string{
				"{{if .Inviter}}{{.Inviter}} invites you{{else}}You are invited{{end}} to {{if .Project}}the project {{.Project}} of {{end}}the organization {{.Organization}}, with the role {{.Role}}.",
			},
			link:  "See the invitation",
			after: []string{"The link works once, within 7 days, and for this address only.", "If you do not know who this is, do nothing."},
		},
	},
}
